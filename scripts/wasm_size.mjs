/**
 * `npm run wasm-size [-- --functions N] [-- --renew]`: what the two wasm files in `dist/` cost, and whether one of them
 * is more than 2% larger than the baseline in `wasm_size.json` next to this file. `--renew` makes a new baseline.
 *
 * Compilers differ by more than that, so the sizes are compared only if the same compiler made both. Built by
 * `npm run build`, which optimises, the files are smaller than the baseline, which is made by `--quick`.
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { dist, root } from "./lib/paths.mjs";
import { fail, heading, note, say, Tell } from "./lib/say.mjs";
import { functionsOf } from "./lib/wasm_functions.mjs";

const MOST_GROWTH = 1.02;
const FOLDERS = ["wasm", "wasm-core"];
const BASELINE = join(root, "scripts", "wasm_size.json");

/** @typedef {{ compiler: string, gzipped: Record<string, number> }} Sizes */

/** @returns {Sizes} */
function measured() {
  const compiler = execFileSync("rustc", ["--version"], { encoding: "utf8" }).trim();
  const sizeOf = (/** @type {string} */ folder) =>
    gzipSync(readFileSync(dist(folder, "tabtape.wasm")), { level: 9 }).length;
  return { compiler, gzipped: Object.fromEntries(FOLDERS.map((folder) => [folder, sizeOf(folder)])) };
}

/** @param {number} most */
function tellFunctions(most) {
  for (const folder of FOLDERS) {
    const functions = functionsOf(readFileSync(dist(folder, "tabtape.wasm")));
    const total = functions.reduce((sum, { bytes }) => sum + bytes, 0);
    heading(`dist/${folder}: ${functions.length} functions, ${total} bytes of code`);
    /** @type {Map<string, number>} */
    const modules = new Map();
    for (const { module, bytes } of functions) modules.set(module, (modules.get(module) ?? 0) + bytes);
    for (const [module, bytes] of [...modules].sort((a, b) => b[1] - a[1]).slice(0, most))
      say(`${String(bytes).padStart(8)}  ${module}`);
    say("");
    for (const { name, bytes } of functions.slice(0, most)) say(`${String(bytes).padStart(8)}  ${name}`);
  }
}

function main() {
  const { values } = parseArgs({ options: { functions: { type: "string" }, renew: { type: "boolean" } } });
  const now = measured();
  if (values.renew) writeFileSync(BASELINE, `${JSON.stringify(now, null, 2)}\n`);
  /** @type {Sizes} */
  const before = JSON.parse(readFileSync(BASELINE, "utf8"));
  for (const folder of FOLDERS) {
    const [is, was] = [now.gzipped[folder] ?? 0, before.gzipped[folder] ?? 0];
    say(
      `${folder.padEnd(10)} ${(is / 1000).toFixed(1)} KB gzipped, ${(was / 1000).toFixed(1)} KB in the baseline`,
    );
    if (now.compiler === before.compiler && is > was * MOST_GROWTH)
      throw new Tell(
        `dist/${folder}/tabtape.wasm has grown by more than 2%: if it has to, npm run wasm-size -- --renew`,
      );
  }
  if (now.compiler !== before.compiler) note(`not compared: the baseline was made by ${before.compiler}`);
  if (values.functions !== undefined) tellFunctions(Number(values.functions) || 25);
}

try {
  main();
} catch (error) {
  fail(error);
}
