/** A folder that exists for one piece of work. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @template T @param {(folder: string) => Promise<T>} work @returns {Promise<T>} */
export async function scratch(work) {
  const folder = mkdtempSync(join(tmpdir(), "tabtape-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
