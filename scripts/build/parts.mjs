/**
 * What `dist/` is made of. A part whose inputs did not change costs nothing.
 *
 * The collector carries the viewer; the package and the extension carry the wasm, and the extension the viewer, too.
 * So the collector is built beside the rest: optimising the wasm keeps one core busy, and takes long.
 */
import { Tell } from "../lib/say.mjs";

/** @type {Record<string, (mode: { quick: boolean }) => Promise<void>>} In order of need. */
const PARTS = {
  www: async () => (await import("./www.mjs")).buildViewer(),
  collector: async (mode) => (await import("./collector.mjs")).buildCollector(mode),
  wasm: async (mode) => (await import("./wasm.mjs")).buildWasm(mode),
  npm: async () => (await import("./npm.mjs")).buildNpm(),
  extension: async () => (await import("./extension.mjs")).buildExtension(),
};

/** What is built beside the parts after it. */
const BESIDE = "collector";

/**
 * @param {string[]} [parts] All when absent.
 * @param {{ quick?: boolean }} [mode] Quick: builds sooner what is only run here, not packed or measured.
 */
export async function build(parts = Object.keys(PARTS), { quick = false } = {}) {
  const unknown = parts.find((part) => !PARTS[part]);
  if (unknown !== undefined) {
    const known = Object.keys(PARTS).join(", ");
    throw new Tell(`there is no part ${JSON.stringify(unknown)} to build; there are ${known}`);
  }
  const at = parts.indexOf(BESIDE);
  const [before, after] = at < 0 ? [parts, []] : [parts.slice(0, at), parts.slice(at + 1)];
  const mode = { quick };
  await inTurn(before, mode);
  // All have ended before a failure of one is told.
  const ended = await Promise.allSettled([inTurn(at < 0 ? [] : [BESIDE], mode), inTurn(after, mode)]);
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}

/** @param {string[]} parts @param {{ quick: boolean }} mode */
async function inTurn(parts, mode) {
  for (const part of parts) await PARTS[part]?.(mode);
}
