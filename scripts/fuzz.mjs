/**
 * `npm run fuzz`: looks for bytes that `publish` mishandles, from the corpus in tests/fixtures/corpus.
 * `-- --seconds N` (60 unless said otherwise). New inputs worth keeping are merged into the corpus.
 *
 * Needs a nightly toolchain, for the sanitizer hooks; cargo-fuzz is installed into the cache.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheDir, root } from "./lib/paths.mjs";
import { exe } from "./lib/platform.mjs";
import { run } from "./lib/run.mjs";
import { fail, Tell } from "./lib/say.mjs";

const CARGO_FUZZ = "0.13.2";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);

try {
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new Tell(`--seconds: expected a whole number from 1, got ${values.seconds}`);
  }
  const tools = cacheDir("tools");
  if (!existsSync(join(tools, "bin", exe("cargo-fuzz")))) {
    const install = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root", tools];
    await run("Install cargo-fuzz", "cargo", install);
  }
  const corpus = join(root, "tests", "fixtures", "corpus");
  const fuzz = [
    "+nightly",
    "fuzz",
    "run",
    "publish",
    corpus,
    "--",
    `-max_total_time=${seconds}`,
    "-max_len=65536",
  ];
  await run(`Fuzz publish for ${seconds} s`, "cargo", fuzz, { cwd: root });
} catch (error) {
  fail(error);
}
