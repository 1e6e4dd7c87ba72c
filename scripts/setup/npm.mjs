/** npm packages, exactly those of package-lock.json. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/paths.mjs";
import { npm, run } from "../lib/run.mjs";

export async function setUpNpm() {
  if (installedAsLocked()) return;
  const [command, args] = npm(["ci", "--no-audit", "--no-fund", "--prefer-offline"]);
  await run("Install npm packages", command, args);
}

/** npm keeps a lock file of what it really installed; ours says what should be. */
function installedAsLocked() {
  const locked = packagesOf("package-lock.json");
  const installed = packagesOf(join("node_modules", ".package-lock.json"));
  if (!locked || !installed) return false;
  return Object.entries(locked).every(
    ([path, entry]) =>
      path === "" || installed[path]?.version === entry.version || (entry.optional && !installed[path]),
  );
}

/** @param {string} file @returns {Record<string, { version: string, optional?: boolean }> | null} */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages;
  } catch {
    return null;
  }
}
