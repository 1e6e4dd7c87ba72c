/**
 * `npm run faults [-- --full] [-- --only NAME[,NAME…]] [-- --json]`: everything that can die, dies, and the ledger
 * must still add up: emitted = stored + gaps + unacked, and nothing is stored twice.
 *
 * Small by default; `--full` is the size that issue 4 asks for, and takes the better part of an hour. `--json` prints
 * the ledger as one last line on stdout.
 */
import { parseArgs } from "node:util";
import { Rigs, SCENARIOS } from "../tests/faults/suite.mjs";
import { bold, dim, duration, fail, green, heading, red, say, step, Tell, yellow } from "./lib/say.mjs";

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

async function main() {
  const { full, json, names } = options();
  const size = full ? "full" : "small";
  const began = Date.now();
  const chosen = SCENARIOS.filter(({ name, times }) =>
    names.length > 0 ? names.includes(name) : times[size] > 0,
  );
  heading(`${chosen.length} faults, ${size} size`);
  const rigs = new Rigs();
  const rows = [];
  const wrongs = [];
  try {
    for (const scenario of chosen) {
      const left = scenario.leaveOut?.() ?? null;
      if (left !== null) {
        say(`${yellow("-")} ${scenario.name}: left out, ${left}`);
        continue;
      }
      const times = scenario.times[size] || scenario.times.full;
      const shown = step(`${scenario.name}: ${scenario.what} ${dim(`(${times})`)}`);
      try {
        const { row, wrong } = await rigs.run(scenario, times, size);
        rows.push(row);
        if (wrong === null) shown.done(row.note);
        else {
          shown.failed(wrong);
          wrongs.push(`${scenario.name}: ${wrong}`);
        }
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        shown.failed(reason);
        if (error instanceof Error && error.stack) say(dim(error.stack));
        wrongs.push(`${scenario.name}: ${reason}`);
      }
    }
  } finally {
    await rigs.close();
  }

  heading("Ledger");
  say(table(rows));
  say(
    wrongs.length === 0
      ? green(`\nIt adds up, in ${duration(Date.now() - began)}`)
      : red(`\nIt does not add up:\n  ${wrongs.join("\n  ")}`),
  );
  const line = rows.map(({ name, emitted, stored, gaps, unacked, duplicates }) => ({
    name,
    emitted,
    stored,
    gaps,
    unacked,
    duplicates,
  }));
  if (json) console.log(JSON.stringify({ rows: line }));
  process.exit(wrongs.length === 0 ? 0 : 1);
}

/** @param {import("../tests/faults/ledger.mjs").Row[]} rows */
function table(rows) {
  const columns = /** @type {const} */ (["emitted", "stored", "gaps", "unacked", "duplicates"]);
  const wide = Math.max(4, ...rows.map(({ name }) => name.length));
  const lines = rows.map((row) => {
    const numbers = columns.map((column) => String(row[column]).padStart(10)).join("");
    const reasons = Object.entries(row.reasons).map(([reason, count]) => `${reason} ${count}`);
    return `${row.name.padEnd(wide)}${numbers}  ${dim(reasons.join(", "))}`;
  });
  return [bold("name".padEnd(wide) + columns.map((column) => column.padStart(10)).join("")), ...lines].join(
    "\n",
  );
}

await main().catch(fail);
