/** The functions of a wasm file by size, with the names that its name section gives them. */

const CUSTOM = 0;
const IMPORTS = 2;
const CODE = 10;
const FUNCTION_NAMES = 1;

/** @typedef {{ name: string, module: string, bytes: number }} WasmFunction */

/** Reads bytes from front to back. */
class Bytes {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  byte() {
    return /** @type {number} */ (this.bytes[this.at++]);
  }

  text() {
    const length = this.number();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }

  limits() {
    const hasMost = this.byte() & 1;
    this.number();
    if (hasMost) this.number();
  }
}

/** @param {Bytes} bytes @returns {number} How many functions are imported. */
function importedFunctions(bytes) {
  let functions = 0;
  for (let left = bytes.number(); left > 0; left--) {
    bytes.text();
    bytes.text();
    const kind = bytes.byte();
    if (kind === 0) {
      functions++;
      bytes.number();
    } else if (kind === 1) {
      bytes.byte();
      bytes.limits();
    } else if (kind === 2) bytes.limits();
    else bytes.at += 2;
  }
  return functions;
}

/** @param {Bytes} bytes @param {number} end @param {Map<number, string>} names */
function readNames(bytes, end, names) {
  while (bytes.at < end) {
    const kind = bytes.byte();
    const next = bytes.number() + bytes.at;
    if (kind === FUNCTION_NAMES)
      for (let left = bytes.number(); left > 0; left--) names.set(bytes.number(), bytes.text());
    bytes.at = next;
  }
}

/** @param {Uint8Array} file @returns {WasmFunction[]} The largest first. */
export function functionsOf(file) {
  const bytes = new Bytes(file);
  bytes.at = 8;
  /** @type {Map<number, string>} */
  const names = new Map();
  /** @type {{ index: number, bytes: number }[]} */
  const bodies = [];
  let imported = 0;
  while (bytes.at < file.length) {
    const section = bytes.byte();
    const end = bytes.number() + bytes.at;
    if (section === IMPORTS) imported = importedFunctions(bytes);
    if (section === CODE) {
      const count = bytes.number();
      for (let index = 0; index < count; index++) {
        const length = bytes.number();
        bodies.push({ index: imported + index, bytes: length });
        bytes.at += length;
      }
    }
    if (section === CUSTOM && bytes.text() === "name") readNames(bytes, end, names);
    bytes.at = end;
  }
  return bodies
    .map(({ index, bytes }) => {
      const name = (names.get(index) ?? `function ${index}`).replace(/::h[0-9a-f]{16}\b/, "");
      return { name, module: moduleOf(name), bytes };
    })
    .sort((a, b) => b.bytes - a.bytes);
}

/** The crate, and of ours the module. @param {string} name */
function moduleOf(name) {
  const ours = /\btabtape::([a-z_]+)(?:::([a-z_]+))?/.exec(name);
  if (ours)
    return ["web", "log", "redaction"].includes(ours[1] ?? "") ? `${ours[1]}::${ours[2]}` : `${ours[1]}`;
  return /[a-z_0-9]+/.exec(name)?.[0] ?? name;
}
