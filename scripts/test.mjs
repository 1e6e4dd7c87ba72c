/**
 * `npm test [-- --only SECTION[,SECTION…]]`: all sections, or some with what they need.
 *
 * A step's output is shown when it fails. A failed section does not stop the ones that do not need it. The last
 * lines are what each runner said of itself.
 */
import { parseArgs } from "node:util";
import { capture } from "./lib/run.mjs";
import {
  bold,
  dim,
  duration,
  fail,
  green,
  heading,
  red,
  say,
  sayFailure,
  step as show,
  Tell,
  yellow,
} from "./lib/say.mjs";
import { together } from "./lib/together.mjs";
import { SECTIONS } from "./test/sections.mjs";

/** @typedef {{ name: string, state: "passed" | "failed" | "left out", took: number, lines: string[] }} Outcome */

/** Sections asked for, and all they need, in order. @returns {string[]} */
function chosen() {
  const { values } = parseArgs({ options: { only: { type: "string", multiple: true } } });
  const asked = (values.only ?? []).flatMap((names) => names.split(","));
  for (const name of asked) {
    if (!SECTIONS[name])
      throw new Tell(
        `there is no section ${JSON.stringify(name)}; there are ${Object.keys(SECTIONS).join(", ")}`,
      );
  }
  const wanted = new Set(asked.length > 0 ? asked : Object.keys(SECTIONS));
  for (const name of wanted) for (const needed of SECTIONS[name]?.needs ?? []) wanted.add(needed);
  return Object.keys(SECTIONS).filter((name) => wanted.has(name));
}

/**
 * Its output is shown in one piece, below its name.
 * @param {import("./test/sections.mjs").Step} step @param {boolean} besideOthers
 */
async function runStep({ title, command, args, env = process.env, sums }, besideOthers) {
  const shown = show(title, { still: besideOthers });
  const result = await capture(command, args, { env, onLine: (line) => shown.update(line) });
  const passed = result.status === 0;
  if (passed) shown.done();
  else {
    shown.failed(`ended with status ${result.status}`);
    say(result.output.trimEnd());
  }
  const found = sums ? Array.from(result.output.match(sums) ?? [], (line) => line.trim()) : [];
  return { passed, sums: found.map((line) => `${title}: ${line}`) };
}

/** @param {import("./test/sections.mjs").Step[]} steps @param {boolean} besideOthers */
async function inTurn(steps, besideOthers) {
  const results = [];
  for (const step of steps) results.push(await runStep(step, besideOthers));
  return results;
}

/** @param {import("./test/sections.mjs").Step[]} steps */
const atOnce = (steps) => together(steps.map((step) => runStep(step, true)));

/** Sections that run at the same time, one stage after the other. @param {string[]} names */
function stagesOf(names) {
  /** @type {string[][]} */
  const stages = [];
  for (const name of names) {
    const { alongside } = SECTIONS[name] ?? {};
    const last = stages.at(-1);
    if (alongside !== undefined && last?.includes(alongside)) last.push(name);
    else stages.push([name]);
  }
  return stages;
}

/** @param {string} name @param {boolean} besideOthers @returns {Promise<Outcome>} */
async function runSection(name, besideOthers) {
  const section = SECTIONS[name];
  if (!section) throw new Error(name);
  heading(`${name}: ${section.what}`);
  const began = Date.now();
  /** @type {string[]} */
  const lines = [];
  let state = /** @type {Outcome["state"]} */ ("passed");
  try {
    const steps = (await section.steps()) ?? [];
    const results = await (section.atOnce ? atOnce(steps) : inTurn(steps, besideOthers));
    for (const { passed, sums } of results) {
      if (!passed) state = "failed";
      lines.push(...sums);
    }
  } catch (error) {
    state = "failed";
    sayFailure(error);
  }
  return { name, state, took: Date.now() - began, lines };
}

async function main() {
  const began = Date.now();
  /** @type {Map<string, Outcome>} */
  const outcomes = new Map();
  for (const stage of stagesOf(chosen())) {
    const ended = stage.map((name) => {
      const blocked = SECTIONS[name]?.needs.some((needed) => outcomes.get(needed)?.state !== "passed");
      return blocked
        ? { name, state: /** @type {const} */ ("left out"), took: 0, lines: [] }
        : runSection(name, stage.length > 1);
    });
    for (const outcome of await Promise.all(ended)) outcomes.set(outcome.name, outcome);
  }

  heading("Summary");
  const marks = { passed: green("✓"), failed: red("✗"), "left out": yellow("-") };
  for (const { name, state, took, lines } of outcomes.values()) {
    say(`${marks[state]} ${bold(name.padEnd(6))} ${state} ${dim(`(${duration(took)})`)}`);
    for (const line of lines) say(`    ${line}`);
  }
  const failed = [...outcomes.values()].filter(({ state }) => state !== "passed");
  say(
    `\n${failed.length === 0 ? green("All sections passed") : red(`Not passed: ${failed.map(({ name }) => name).join(", ")}`)} in ${duration(Date.now() - began)}`,
  );
  process.exit(failed.length === 0 ? 0 : 1);
}

await main().catch(fail);
