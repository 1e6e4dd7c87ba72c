/**
 * In the page: what it costs to publish one event, from object to ring, next to its floor and its peers.
 * Contenders take turns, round by round; each sample is the mean of many publishes.
 */
import { JsonLogsSerializer } from "@opentelemetry/otlp-transformer";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import init, { CaptureSession } from "../../dist/npm/index.js";
import { eventOf } from "../lib/event.mjs";

const RING = { ringCapacity: 4096, ringMaxBytes: 64 << 20 };
const BATCH = 100;
/** Number of kinds: more than a session has templates. */
const KINDS = 64;

const encoder = new TextEncoder();

function contenders(event) {
  const scratch = new Uint8Array(1 << 20);
  const plain = new CaptureSession(RING);
  const redacting = new CaptureSession({ ...RING, redactionKey: new Uint8Array(32).fill(7) });
  const batch = Array.from({ length: BATCH }, () => event);
  const kinds = Array.from({ length: KINDS }, (_, at) => ({ ...event, url: `${event.url}/${at}` }));
  let kind = 0;
  const lines = { at: 0, ring: new Array(RING.ringCapacity), seq: 0 };
  const otel = openTelemetry();
  return {
    floor: [1, () => encoder.encodeInto(JSON.stringify(event), scratch)],
    publish: [1, () => plain.publish(event)],
    publish_of_many_kinds: [
      1,
      () => {
        kind = (kind + 1) % KINDS;
        plain.publish(kinds[kind]);
      },
    ],
    publish_redacted: [1, () => redacting.publish(event)],
    publish_batch: [BATCH, () => plain.publishBatch(batch)],
    publish_batch_redacted: [BATCH, () => redacting.publishBatch(batch)],
    plain_js_ring: [
      1,
      () => {
        lines.seq += 1;
        const line = encoder.encode(
          JSON.stringify({ capture_session_id: plain.sessionId, seq: lines.seq, event }),
        );
        lines.ring[lines.at] = line;
        lines.at = (lines.at + 1) % lines.ring.length;
      },
    ],
    opentelemetry_js: [1, () => otel(event)],
  };
}

/** OpenTelemetry's own emit and its own serializer, 512 records per request as its batch processor does. */
function openTelemetry() {
  let records = [];
  const processor = {
    enabled: () => true,
    onEmit(record) {
      records.push(record);
      if (records.length === 512) {
        JsonLogsSerializer.serializeRequest(records);
        records = [];
      }
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const logger = new LoggerProvider({ processors: [processor] }).getLogger("bench");
  return (event) =>
    logger.emit({
      eventName: event.type,
      severityNumber: 9,
      body: event.data,
      attributes: { "url.full": event.url, "tabtape.category": event.category, ...event.source.metadata },
    });
}

export async function run({ sizes, rounds, sampleMs }) {
  await init("/tabtape.wasm");
  const results = {};
  for (const size of sizes) {
    const event = eventOf(size);
    const parts = Object.entries(contenders(event));
    const samples = Object.fromEntries(parts.map(([name]) => [name, []]));
    for (let round = -1; round < rounds; round++) {
      for (const [name, [events, work]] of parts) {
        let calls = 0;
        const begin = performance.now();
        let elapsed = 0;
        do {
          for (let i = 0; i < 64 / events; i++) work();
          calls += Math.ceil(64 / events);
          elapsed = performance.now() - begin;
        } while (elapsed < sampleMs);
        // The first round only warms up.
        if (round >= 0) samples[name].push((elapsed * 1_000) / (calls * events));
      }
    }
    results[size] = { bytes: JSON.stringify(event).length, samples };
  }
  return results;
}
