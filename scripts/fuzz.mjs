/**
 * `npm run fuzz`: looks for bytes that `publish` mishandles, from the corpus in tests/fixtures/corpus.
 *
 *   -- --seconds N      how long; 60 unless said otherwise
 *   -- --keep           puts the inputs that reach new code into tests/fixtures/corpus, to be replayed as tests
 *
 * Interesting inputs are kept in the cache, from where the next run continues; failing ones are named and kept in
 * fuzz/artifacts. Needs a nightly toolchain, for the sanitizer hooks; cargo-fuzz is installed into the cache.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { cacheDir, root } from "./lib/paths.mjs";
import { exe } from "./lib/platform.mjs";
import { run } from "./lib/run.mjs";
import { fail, Tell } from "./lib/say.mjs";

const CARGO_FUZZ = "0.13.2";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "60" }, keep: { type: "boolean", default: false } },
});
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
  const kept = join(root, "tests", "fixtures", "corpus");
  const found = cacheDir("fuzz", "publish");
  const fuzz = (/** @type {string[]} */ folders, /** @type {string[]} */ options) => [
    "+nightly",
    "fuzz",
    "run",
    "publish",
    ...folders,
    "--",
    "-max_len=65536",
    ...options,
  ];
  const env = { ...process.env, PATH: `${join(tools, "bin")}${delimiter}${process.env.PATH}` };
  await run(`Fuzz publish for ${seconds} s`, "cargo", fuzz([found, kept], [`-max_total_time=${seconds}`]), {
    env,
  });
  if (values.keep)
    await run("Keep what reaches new code", "cargo", fuzz([kept, found], ["-merge=1"]), { env });
} catch (error) {
  fail(error);
}
