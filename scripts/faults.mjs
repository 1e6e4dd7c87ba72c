/**
 * `npm run faults [-- --full] [-- --only NAME[,NAME…]] [-- --json]`: everything that can die, dies, and the ledger
 * must still add up: emitted = stored + gaps + unacked, and nothing is stored twice.
 *
 * Small by default; `--full` takes up to half an hour. `--json` prints
 * the ledger as one last line on stdout.
 */
import { inspect, parseArgs } from "node:util";
import { Rigs, SCENARIOS } from "../tests/faults/suite.mjs";
import { bold, dim, duration, fail, green, heading, note, red, say, Tell } from "./lib/say.mjs";

function options() {
  const { values } = parseArgs({
    options: {
      full: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
    },
  });
  const names = (values.only ?? []).flatMap((text) => text.split(","));
  for (const name of names) {
    if (!SCENARIOS.some((scenario) => scenario.name === name))
      throw new Tell(
        `there is no scenario ${JSON.stringify(name)}; there are ${SCENARIOS.map((s) => s.name).join(", ")}`,
      );
  }
  return { ...values, names };
}

const COLUMNS = /** @type {const} */ (["emitted", "stored", "gaps", "unacked", "duplicates"]);

/** So many scenarios run at a time, each lane with a browser and a collector of its own: they mostly wait. */
const LANES = 3;

/**
 * @typedef {import("../tests/faults/suite.mjs").Scenario} Scenario
 * @typedef {import("../tests/faults/ledger.mjs").Row} Row
 */

/** Runs scenarios until none is left. @param {Scenario[]} left @param {"small" | "full"} size @param {(scenario: Scenario, row: Row | null, wrong: string | null) => void} ended */
async function lane(left, size, ended) {
  const rigs = new Rigs();
  try {
    for (let scenario = left.shift(); scenario !== undefined; scenario = left.shift()) {
      const times = scenario.times[size] || scenario.times.full;
      const began = Date.now();
      const title = `${scenario.name.padEnd(20)} ${scenario.what}`;
      try {
        const { row, wrong } = await rigs.run(scenario, times, size);
        const remarks = [duration(Date.now() - began), row.note].filter((text) => text !== "");
        say(`${wrong === null ? green("✓") : red("✗")} ${title} ${dim(`(${remarks.join(", ")})`)}`);
        if (wrong !== null) say(dim(`  ${wrong}`));
        ended(scenario, row, wrong);
      } catch (error) {
        say(`${red("✗")} ${title}\n${dim(inspect(error))}`);
        ended(scenario, null, error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    await rigs.close();
  }
}

async function main() {
  const { full, json, names } = options();
  const size = full ? "full" : "small";
  const began = Date.now();
  const chosen = SCENARIOS.filter(({ name, times }) =>
    names.length > 0 ? names.includes(name) : times[size] > 0,
  );
  heading(`${chosen.length} faults, ${size} size`);
  /** @type {Map<string, Row>} */
  const found = new Map();
  /** @type {string[]} */
  const wrongs = [];
  const left = chosen.filter(({ name, leaveOut }) => {
    const why = leaveOut?.() ?? null;
    if (why !== null) note(`${name} is left out: ${why}`);
    return why === null;
  });
  // Those with a rig of their own take longest: nothing long is left alone at the end.
  left.sort((a, b) => Number(b.own ?? false) - Number(a.own ?? false));
  const lanes = Array.from({ length: LANES }, () =>
    lane(left, size, ({ name }, row, wrong) => {
      if (row !== null) found.set(name, row);
      if (wrong !== null) wrongs.push(`${name}: ${wrong}`);
    }),
  );
  await Promise.all(lanes);
  const rows = chosen.flatMap(({ name }) => found.get(name) ?? []);

  heading("Ledger");
  say(table(rows));
  say(
    wrongs.length === 0
      ? green(`\nIt adds up, in ${duration(Date.now() - began)}`)
      : red(`\nIt does not add up:\n  ${wrongs.join("\n  ")}`),
  );
  if (json) console.log(JSON.stringify({ rows }, ["rows", "name", ...COLUMNS]));
  process.exit(wrongs.length === 0 ? 0 : 1);
}

/** @param {import("../tests/faults/ledger.mjs").Row[]} rows */
function table(rows) {
  const wide = Math.max(4, ...rows.map(({ name }) => name.length));
  const lines = rows.map((row) => {
    const numbers = COLUMNS.map((column) => String(row[column]).padStart(12)).join("");
    const reasons = Object.entries(row.reasons).map(([reason, count]) => `${reason} ${count}`);
    return `${row.name.padEnd(wide)}${numbers}  ${dim(reasons.join(", "))}`;
  });
  const heads = COLUMNS.map((column) => column.padStart(12)).join("");
  return [bold("name".padEnd(wide) + heads), ...lines].join("\n");
}

await main().catch(fail);
