/** Whether something need not be done again: a stamp holds the key of what was done last. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Returns a file's text, or an empty one if there is no such file. @param {string} file */
export function textOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** @param {string} file @param {string} key */
export const isStamped = (file, key) => textOf(file) === key;

/** @param {string} file @param {string} key */
export function stamp(file, key) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, key);
}

/**
 * A hash of the contents of files and folders, by name; what is absent counts as absent.
 * @param {string[]} paths @param {string} [salt]
 */
export function hashOf(paths, salt = "") {
  const hash = createHash("sha256").update(salt);
  const visit = (/** @type {string} */ path) => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return void hash.update(`\0absent ${path}`);
    if (!stats.isDirectory())
      return void hash.update(`\0file ${path} ${stats.size}\0`).update(readFileSync(path));
    for (const name of readdirSync(path).sort()) if (name !== "node_modules") visit(join(path, name));
  };
  for (const path of paths) visit(path);
  return hash.digest("hex");
}
