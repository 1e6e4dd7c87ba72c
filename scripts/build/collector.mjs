/** The collector, `dist/bin/tabtape`, with the viewer in it. */
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { collectorFile } from "../lib/collector.mjs";
import { dist } from "../lib/paths.mjs";
import { exe } from "../lib/platform.mjs";
import { run } from "../lib/run.mjs";
import { hashOf, isStamped, stamp } from "../lib/stamp.mjs";
import { cargoTargetDir } from "../lib/toolchain.mjs";

/** @param {{ quick: boolean }} mode Quick: the build that tests share. */
export async function buildCollector({ quick }) {
  const profile = quick ? "dev" : "collector";
  const args = ["build", "--package", "tabtape-collector", "--bin", "tabtape", "--profile", profile];
  await run("Build the collector", "cargo", args);
  const built = join(await cargoTargetDir(), quick ? "debug" : profile, exe("tabtape"));

  const done = dist("bin", ".stamp");
  const key = hashOf([built]);
  if (isStamped(done, key)) return;
  mkdirSync(dist("bin"), { recursive: true });
  // A collector that runs keeps its file: the new one takes its name, not its bytes.
  copyFileSync(built, `${collectorFile}.new`);
  renameSync(`${collectorFile}.new`, collectorFile);
  stamp(done, key);
}
