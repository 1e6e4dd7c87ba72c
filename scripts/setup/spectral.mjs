/** Spectral, a linter of OpenAPI documents, in the cache: it takes 52 MB, for one test. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { cacheDir } from "../lib/paths.mjs";
import { npm, run } from "../lib/run.mjs";
import { note } from "../lib/say.mjs";
import { attempt } from "./attempt.mjs";

const PACKAGES = ["@stoplight/spectral-core@1.24.1", "@stoplight/spectral-rulesets@1.23.1"];

/** The variable that leaves out its test, for machines without a network. */
export const WITHOUT_SPECTRAL = "TABTAPE_WITHOUT_SPECTRAL";

/** Returns what loads its packages, installed if absent; null if its test is left out. */
export async function setUpSpectral() {
  if (process.env[WITHOUT_SPECTRAL]) {
    note(`${WITHOUT_SPECTRAL} is set: the OpenAPI document is not linted`);
    return null;
  }
  const folder = cacheDir("tools", "spectral-1.24.1");
  const done = join(folder, ".stamp");
  if (!existsSync(done)) {
    mkdirSync(folder, { recursive: true });
    const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", ...PACKAGES];
    const [command, all] = npm(args);
    const advice = `Set ${WITHOUT_SPECTRAL}=1 to leave its test out.`;
    await attempt(folder, "Spectral could not be installed", advice, () =>
      run("Install Spectral", command, all),
    );
    writeFileSync(done, "");
  }
  return createRequire(join(folder, "package.json"));
}
