/**
 * `npm run test:environments`: the packed package in every bundler, test runner and runtime that README names. It
 * installs some 700 MB of tools into the cache, so that it is no part of `npm test`; it is meant for once a week.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "./build/parts.mjs";
import { root } from "./lib/paths.mjs";
import { fail, heading } from "./lib/say.mjs";
import { together } from "./lib/together.mjs";
import { startSetUp } from "./setup/all.mjs";

try {
  heading("Setting up and building");
  const setUp = await startSetUp({ browser: true });
  await together([setUp.all, build(["wasm", "npm"], { quick: true, setUp })]);
  heading("Testing");
  const file = join(root, "tests", "environments", "environments.test.mjs");
  const { status } = spawnSync(process.execPath, ["--test", file], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} catch (error) {
  fail(error);
}
