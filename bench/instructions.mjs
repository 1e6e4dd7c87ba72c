/**
 * `npm run bench -- --instructions`: instructions of the core's hot paths, counted by callgrind, next to the committed
 * `instructions.json`. Fails if a path takes over 5 % more. A busy machine does not change a count; another compiler, or
 * a processor with other vector instructions, does: then the counts are only printed. `--save` writes the baseline.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { capture, versionOf } from "../scripts/lib/run.mjs";
import { green, heading, note, red, say, Tell } from "../scripts/lib/say.mjs";
import { setTargetDir } from "../scripts/lib/target.mjs";

const BASELINE = new URL("instructions.json", import.meta.url);
const MAX_RATIO = 1.05;
/** The ring is full after the fewer calls; the more calls differ only in how many follow. */
const CALLS = [200, 600];

/** @param {{ save: boolean }} options */
export async function instructions({ save }) {
  setTargetDir();
  if ((await versionOf("valgrind")) === null) {
    note("valgrind is not installed: no instructions are counted");
    return;
  }
  const cargo = ["build", "--profile", "collector", "--package", "tabtape", "--bench", "instructions"];
  const { status, stdout, output } = await capture("cargo", [...cargo, "--message-format=json"]);
  if (status !== 0) throw new Tell(`cargo build: ${output}`);
  const program = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line).executable)
    .findLast(Boolean);
  const names = (await capture(program, [])).stdout.trim().split("\n");
  heading("Instructions per call");
  /** @type {Record<string, number>} */
  const paths = {};
  for (const name of names) {
    const [few, many] = await Promise.all(CALLS.map((calls) => count(program, name, calls)));
    paths[name] = Math.round((many - few) / (CALLS[1] - CALLS[0]));
  }
  const made = { rustc: await versionOf("rustc"), avx2: hasAvx2(), paths };
  if (save) {
    writeFileSync(BASELINE, `${JSON.stringify(made, null, 2)}\n`);
    return;
  }
  compare(JSON.parse(readFileSync(BASELINE, "utf8")), made);
}

/** @typedef {{ rustc: string | null, avx2: boolean, paths: Record<string, number> }} Counts */

/** @param {Counts} baseline @param {Counts} made */
function compare(baseline, made) {
  const isComparable = baseline.rustc === made.rustc && baseline.avx2 === made.avx2;
  const worse = [];
  for (const [name, count] of Object.entries(made.paths)) {
    const ratio = count / (baseline.paths[name] ?? Number.NaN);
    const isWorse = !(ratio <= MAX_RATIO);
    if (isWorse) worse.push(name);
    const shown = `${name.padEnd(24)} ${count}  ${ratio.toFixed(3)}× the baseline`;
    say(isComparable ? (isWorse ? red(shown) : green(shown)) : shown);
  }
  if (!isComparable)
    note(`the baseline is of ${baseline.rustc}${baseline.avx2 ? ", AVX2" : ""}: counts are not comparable`);
  else if (worse.length > 0)
    throw new Tell(
      `more instructions than the baseline allows: ${worse.join(", ")}; if that is meant, run npm run bench -- --instructions --save`,
    );
}

/** @param {string} program @param {string} name @param {number} calls */
async function count(program, name, calls) {
  const args = ["--tool=callgrind", "--callgrind-out-file=/dev/null", program, name, String(calls)];
  const { status, output } = await capture("valgrind", args);
  const collected = /Collected : (\d+)/.exec(output)?.[1];
  if (status !== 0 || collected === undefined) throw new Tell(`valgrind ${name}: ${output}`);
  return Number(collected);
}

/** Libraries choose their code by it when they run. */
function hasAvx2() {
  try {
    return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
  } catch {
    return false;
  }
}
