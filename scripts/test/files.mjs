/**
 * `node scripts/test/files.mjs [--first FILE]… FOLDER`: every test file below a folder, two at a time.
 *
 * They mostly wait, and share nothing: each has a browser, a collector, ports and folders of its own. `--first` names
 * the slowest files, so that nothing long is left alone at the end.
 */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { root } from "../lib/paths.mjs";

const AT_ONCE = 2;
/** A file that takes longer hangs, and is ended. */
const MOST_MS = 15 * 60_000;

const { values, positionals } = parseArgs({
  options: { first: { type: "string", multiple: true, default: [] } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error("which folder?");
const first = (values.first ?? []).map((name) => `${name}.test.mjs`);
/** @param {string} file */
const rank = (file) => (first.includes(basename(file)) ? first.indexOf(basename(file)) : first.length);
const files = readdirSync(join(root, folder), { recursive: true })
  .map((file) => join(root, folder, String(file)))
  .filter((file) => file.endsWith(".test.mjs"))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const missing = first.filter((name) => !files.some((file) => basename(file) === name));
if (missing.length > 0) throw new Error(`${folder} has no ${missing.join(", ")}`);

const tests = run({ files, concurrency: AT_ONCE, timeout: MOST_MS });
tests.on("test:fail", () => {
  process.exitCode = 1;
});
tests.compose(new spec()).pipe(process.stdout);
