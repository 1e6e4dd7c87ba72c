/**
 * Paths of the tree, of its build output, and of the cache that every clone of this user shares.
 *
 * Nothing set up once (toolchain, tools, browsers) is kept in the tree, so a fresh clone finds it again.
 */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** A path in the build output. @param {string[]} parts */
export const dist = (...parts) => join(root, "dist", ...parts);

/** This user's cache folder of Tabtape, made if absent. @param {string[]} parts */
export function cacheDir(...parts) {
  const base = process.env.TABTAPE_CACHE || join(platformCacheDir(), "tabtape");
  const folder = join(base, ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function platformCacheDir() {
  if (process.platform === "win32") return process.env.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches");
  return process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
}

/** The collector's folder of this user, where its commands look by themselves. */
export function dataDir() {
  if (process.env.TABTAPE_DATA_DIR) return process.env.TABTAPE_DATA_DIR;
  if (process.platform === "win32") return join(platformCacheDir(), "tabtape", "data");
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support", "tabtape");
  return join(process.env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "tabtape");
}
