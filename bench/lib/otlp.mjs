/** OpenTelemetry's wire format, as far as sending made-up logs needs it: ExportLogsServiceRequest in protobuf. */
import { line } from "./events.mjs";

/** @param {number} number */
function varint(number) {
  const bytes = [];
  for (; number > 0x7f; number >>>= 7) bytes.push((number & 0x7f) | 0x80);
  bytes.push(number);
  return Buffer.from(bytes);
}

/** A field with a length before it. @param {number} field @param {Buffer[]} parts */
function nested(field, ...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

/** @param {number} nanos */
function fixed64(nanos) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(nanos));
  return bytes;
}

/**
 * A request of `count` records that carry what `line` makes, each about `bytes` bytes.
 * @param {string} session @param {number} first @param {number} count @param {number} bytes
 */
export function otlpLogs(session, first, count, bytes) {
  const head = 9 + 2; // time and severity
  const records = Array.from({ length: count }, (_, n) => {
    const text = line(session, first + n, bytes - head - 6);
    return nested(
      2,
      Buffer.concat([varint((1 << 3) | 1), fixed64((1_764_000_000_000 + first + n) * 1_000_000)]),
      Buffer.concat([varint(2 << 3), varint(9)]),
      nested(5, nested(1, Buffer.from(text))),
    );
  });
  return nested(1, nested(1), nested(2, nested(1), ...records));
}
