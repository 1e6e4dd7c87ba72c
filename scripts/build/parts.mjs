/**
 * What `dist/` is made of. A part whose inputs did not change costs nothing.
 *
 * Parts build on the ones before them: the collector embeds the viewer, everything in JavaScript the wasm.
 */
import { Tell } from "../lib/say.mjs";

/** @type {Record<string, () => Promise<void>>} In order of need. */
const PARTS = {
  wasm: async () => (await import("./wasm.mjs")).buildWasm(),
};

/** @param {string[]} [parts] All when absent. */
export async function build(parts = Object.keys(PARTS)) {
  for (const part of parts) {
    const make = PARTS[part];
    if (!make)
      throw new Tell(
        `there is no part ${JSON.stringify(part)} to build; there are ${Object.keys(PARTS).join(", ")}`,
      );
    await make();
  }
}
