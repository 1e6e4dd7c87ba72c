/** `npm run bench`: what Tabtape costs, next to the floor and next to its peers, in one run on one machine. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { parseArgs } from "node:util";
import { build } from "../scripts/build/parts.mjs";
import { npm, run } from "../scripts/lib/run.mjs";
import { fail, green, heading, red, say, Tell } from "../scripts/lib/say.mjs";
import { setUp } from "../scripts/setup/all.mjs";
import { instructions } from "./instructions.mjs";

const here = new URL(".", import.meta.url);
/** The order of rows on the docs page; others come after these. */
const ORDER =
  "throughput publish log wasm start page viewer agent ingest query applications soak install".split(" ");
const place = (/** @type {string} */ group) => (ORDER.includes(group) ? ORDER.indexOf(group) : ORDER.length);
const ROWS = readdirSync(new URL("rows", here))
  // A file with a second dot in its name belongs to a row.
  .filter((file) => /^\w+\.mjs$/.test(file))
  .map((file) => file.replace(".mjs", ""))
  .sort((a, b) => place(a) - place(b));
const USAGE = `npm run bench: what Tabtape costs, next to the floor and next to its peers

  -- --quick          a first impression, in under a minute: fewer rounds, and no rows that take long
  -- --only ROW       rows whose name holds ROW: ${ROWS.join(", ")}
  -- --json FILE      writes every row as JSON: name, unit, ours, floor, peers, ratios, goal, met; with --only, other rows
                      of FILE are kept
  -- --report FILE    no row: the docs page and its plots, made from what --json wrote
  -- --instructions   no row: instructions of hot paths next to a committed baseline; --save writes that`;

try {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h", default: false },
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      json: { type: "string" },
      report: { type: "string" },
      instructions: { type: "boolean", default: false },
      save: { type: "boolean", default: false },
    },
  });
  if (values.help) say(USAGE);
  else if (values.instructions) await instructions({ save: values.save });
  else if (values.report) {
    await installPeers();
    // Its plotting library is installed by now.
    const { report } = await import("./report.mjs");
    await report(values.report);
  } else await measure(values);
} catch (error) {
  fail(error);
}

/** @param {{ quick: boolean, only?: string, json?: string }} values */
async function measure(values) {
  await setUp({ browser: true });
  await installPeers();
  const groups = await Promise.all(ROWS.map((row) => import(`./rows/${row}.mjs`)));
  const wanted = groups.filter(({ name, isLong = false }) =>
    values.only ? values.only.includes(name) || name.includes(values.only) : !(values.quick && isLong),
  );
  if (wanted.length === 0)
    throw new Tell(
      `--only: no row like ${values.only}; there are ${groups.map((group) => group.name).join(", ")}`,
    );
  if (values.quick) await build([...new Set(wanted.flatMap(({ parts = [] }) => parts))]);
  const machine = `${type()} ${release()}, ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  heading(`Benchmarks on ${machine}`);
  const date = new Date().toISOString().slice(0, 10);
  const isMeasured = ({ group }) => wanted.some(({ name }) => name === group);
  const { json } = values;
  const kept =
    json && values.only && existsSync(json)
      ? JSON.parse(readFileSync(json, "utf8")).rows.filter((row) => !isMeasured(row))
      : [];
  const rows = [];
  const failed = [];
  for (const { name, parts = [], rows: measure } of wanted) {
    try {
      // A run takes an hour, in which a build for tests may have replaced them.
      if (!values.quick) await build(parts);
      const measured = await measure({ quick: values.quick });
      // A first impression is too short to say what is met.
      const unjudged = values.quick ? { goal: null, met: null } : {};
      rows.push(...measured.map((row) => ({ group: name, ...row, ...unjudged })));
    } catch (error) {
      // The rows of an hour are not lost with one of them.
      failed.push(name);
      say(`${red("✗")} ${name}: ${error instanceof Tell ? error.message : error.stack}`);
    }
    const ordered = [...kept, ...rows].sort((a, b) => place(a.group) - place(b.group));
    const all = { machine, date, rows: ordered };
    if (json) writeFileSync(json, `${JSON.stringify(all, null, 2)}\n`);
  }
  for (const row of rows) print(row);
  if (failed.length > 0) throw new Tell(`not measured: ${failed.join(", ")}`);
}

/** Installs other recorders, and the applications that they are tried on. */
async function installPeers() {
  const { dependencies } = JSON.parse(readFileSync(new URL("package.json", here), "utf8"));
  if (Object.keys(dependencies).every((name) => existsSync(new URL(`node_modules/${name}`, here)))) return;
  const [command, args] = npm(["install", "--no-audit", "--no-fund"]);
  await run("Install the peers", command, args, { cwd: here.pathname });
}

/** @param {any} row */
function print(row) {
  const spread = row.spread ? ` [${row.spread.join("–")}]` : "";
  const floor = row.floor === null ? "" : `  floor ${row.floor}  ${row.ratio_to_floor}×`;
  const peers = Object.entries(row.peers).map(([peer, value]) => `${peer} ${value}`);
  const met = row.met === null ? "" : row.met ? green(`  met ${row.goal}`) : red(`  missed ${row.goal}`);
  say(`${row.name.padEnd(30)} ${row.ours} ${row.unit}${spread}${floor}  ${peers.join("  ")}${met}`);
}
