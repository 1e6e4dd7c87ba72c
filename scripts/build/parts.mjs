/**
 * The parts of `dist/`. A part whose inputs did not change costs nothing.
 *
 * The collector carries the viewer; the package and the extension carry the wasm, and the extension the viewer, too. A
 * part is built as soon as the parts that it carries and its own tools exist, so that both cores have work.
 */
import { Tell } from "../lib/say.mjs";
import { together } from "../lib/together.mjs";

/**
 * @typedef {object} Part
 * @property {string[]} after Parts that are in it, or that use the same files of cargo's.
 * @property {string[]} [packed] Parts that are in it too, unless it is quick: then it reads them when it runs.
 * @property {("npm" | "wasm")[]} needs Steps of the setup.
 * @property {(mode: { quick: boolean }) => Promise<void>} make
 */

/** @type {Record<string, Part>} In order of need. */
const PARTS = {
  www: { after: [], needs: ["npm"], make: async () => (await import("./www.mjs")).buildViewer() },
  wasm: {
    after: [],
    needs: ["npm", "wasm"],
    make: async (mode) => (await import("./wasm.mjs")).buildWasm(mode),
  },
  bundle: {
    after: ["wasm"],
    needs: ["npm"],
    make: async () => (await import("./bundle.mjs")).buildBundle(),
  },
  collector: {
    after: ["www"],
    packed: ["bundle"],
    needs: [],
    make: async (mode) => (await import("./collector.mjs")).buildCollector(mode),
  },
  core: {
    after: ["wasm"],
    needs: ["npm", "wasm"],
    make: async (mode) => (await import("./wasm.mjs")).buildWasm(mode, { core: true }),
  },
  npm: { after: ["wasm", "core"], needs: ["npm"], make: async () => (await import("./npm.mjs")).buildNpm() },
  extension: {
    after: ["www", "wasm"],
    needs: ["npm"],
    make: async () => (await import("./extension.mjs")).buildExtension(),
  },
};

/**
 * @param {string[]} [names] All when absent.
 * @param {{ quick?: boolean, setUp?: Pick<import("../setup/all.mjs").SetUp, "npm" | "wasm"> }} [options]
 *   Quick: builds sooner what is only run here, not packed or measured. The setup, if it still runs.
 */
export async function build(names = Object.keys(PARTS), { quick = false, setUp } = {}) {
  const unknown = names.find((name) => !PARTS[name]);
  if (unknown !== undefined) {
    const known = Object.keys(PARTS).join(", ");
    throw new Tell(`there is no part ${JSON.stringify(unknown)} to build; there are ${known}`);
  }
  /** @type {Map<string, Promise<void>>} */
  const started = new Map();
  // Nothing but the package holds the wasm without the recorder, so that it is never built for another part.
  const wanted = names.includes("npm") ? [...names, "core"] : [...names];
  if (names.includes("wasm") && names.includes("collector")) wanted.push("bundle");
  for (const [name, part] of Object.entries(PARTS)) {
    if (wanted.includes(name)) started.set(name, make(part, started, { quick, setUp }));
  }
  await together([...started.values()]);
}

/**
 * @param {Part} part
 * @param {ReadonlyMap<string, Promise<void>>} started Parts before it.
 * @param {{ quick: boolean, setUp: Pick<import("../setup/all.mjs").SetUp, "npm" | "wasm"> | undefined }} options
 */
async function make({ after, packed = [], needs, make }, started, { quick, setUp }) {
  const before = quick ? after : [...after, ...packed];
  await Promise.all([...needs.map((step) => setUp?.[step]), ...before.map((name) => started.get(name))]);
  await make({ quick });
}
