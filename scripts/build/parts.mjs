/**
 * What `dist/` is made of. A part whose inputs did not change costs nothing.
 *
 * Parts build on the ones before them: all JavaScript on the wasm, extension and collector on the viewer.
 */
import { Tell } from "../lib/say.mjs";

/** @type {Record<string, () => Promise<void>>} In order of need. */
const PARTS = {
  wasm: async () => (await import("./wasm.mjs")).buildWasm(),
  npm: async () => (await import("./npm.mjs")).buildNpm(),
  www: async () => (await import("./www.mjs")).buildViewer(),
  extension: async () => (await import("./extension.mjs")).buildExtension(),
  collector: async () => (await import("./collector.mjs")).buildCollector(),
};

/** @param {string[]} [parts] All when absent. */
export async function build(parts = Object.keys(PARTS)) {
  for (const part of parts) {
    const make = PARTS[part];
    if (!make) {
      const known = Object.keys(PARTS).join(", ");
      throw new Tell(`there is no part ${JSON.stringify(part)} to build; there are ${known}`);
    }
    await make();
  }
}
