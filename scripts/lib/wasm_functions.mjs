/** The functions of a wasm file by size, with the names that its name section gives them. */

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
}

/** @param {ArrayBuffer[]} sections @returns {Map<number, string>} The names of functions by index. */
function namesIn([section = new ArrayBuffer(0)]) {
  const names = new Map();
  const bytes = new Bytes(new Uint8Array(section));
  while (bytes.at < bytes.bytes.length) {
    const kind = bytes.byte();
    const next = bytes.number() + bytes.at;
    if (kind === FUNCTION_NAMES)
      for (let left = bytes.number(); left > 0; left--) names.set(bytes.number(), bytes.text());
    bytes.at = next;
  }
  return names;
}

/** @param {Uint8Array<ArrayBuffer>} file @returns {WasmFunction[]} The largest first. */
export function functionsOf(file) {
  const module = new WebAssembly.Module(file);
  const imported = WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
  const names = namesIn(WebAssembly.Module.customSections(module, "name"));
  /** @type {{ index: number, bytes: number }[]} */
  const bodies = [];
  const bytes = new Bytes(file);
  bytes.at = 8;
  while (bytes.at < file.length) {
    const section = bytes.byte();
    const end = bytes.number() + bytes.at;
    if (section === CODE) {
      const count = bytes.number();
      for (let index = 0; index < count; index++) {
        const length = bytes.number();
        bodies.push({ index: imported + index, bytes: length });
        bytes.at += length;
      }
    }
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
