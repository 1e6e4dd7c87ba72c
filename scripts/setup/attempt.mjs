/** Installs what only tests need. */
import { rmSync } from "node:fs";
import { Tell } from "../lib/say.mjs";

/**
 * Installs into `folder`, which is removed if that fails.
 * @template T @param {string} folder @param {string} failed The words before the reason, if it fails. @param {string} advice
 * @param {() => Promise<T>} install
 */
export async function attempt(folder, failed, advice, install) {
  try {
    return await install();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw new Tell(`${failed} (${error instanceof Error ? error.message : error}). ${advice}`);
  }
}
