/**
 * What `dist/` is made of. A part whose inputs did not change costs nothing.
 *
 * The collector carries the viewer; the package and the extension carry the wasm, and the extension the viewer, too.
 * So the collector is built beside the rest: optimising the wasm keeps one core busy, and takes long.
 */
import { Tell } from "../lib/say.mjs";

/** @type {Record<string, () => Promise<void>>} In order of need. */
const PARTS = {
  www: async () => (await import("./www.mjs")).buildViewer(),
  collector: async () => (await import("./collector.mjs")).buildCollector(),
  wasm: async () => (await import("./wasm.mjs")).buildWasm(),
  npm: async () => (await import("./npm.mjs")).buildNpm(),
  extension: async () => (await import("./extension.mjs")).buildExtension(),
};

/** What is built beside the parts after it. */
const BESIDE = "collector";

/** @param {string[]} [parts] All when absent. */
export async function build(parts = Object.keys(PARTS)) {
  const unknown = parts.find((part) => !PARTS[part]);
  if (unknown !== undefined) {
    const known = Object.keys(PARTS).join(", ");
    throw new Tell(`there is no part ${JSON.stringify(unknown)} to build; there are ${known}`);
  }
  const at = parts.indexOf(BESIDE);
  const [before, after] = at < 0 ? [parts, []] : [parts.slice(0, at), parts.slice(at + 1)];
  await inTurn(before);
  // All have ended before a failure of one is told.
  const ended = await Promise.allSettled([inTurn(at < 0 ? [] : [BESIDE]), inTurn(after)]);
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}

/** @param {string[]} parts */
async function inTurn(parts) {
  for (const part of parts) await PARTS[part]?.();
}
