/** Prints how many secrets redaction misses and how many harmless values it replaces: `npm run redaction-score`. */
import { spawnSync } from "node:child_process";
import { root } from "./lib/paths.mjs";
import { setTargetDir } from "./lib/target.mjs";

setTargetDir();
const { status } = spawnSync(
  "cargo",
  ["test", "--quiet", "--package", "tabtape", "--test", "redaction_score", "--", "--nocapture"],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = status ?? 1;
