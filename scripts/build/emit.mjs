/** Writes a folder of build output: a file that is the same keeps its time, so that what is built of it rests. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/**
 * Makes `folder` hold exactly these files.
 * @param {string} folder @param {Map<string, Uint8Array>} files By path inside the folder, `/` between parts.
 * @returns {boolean} Whether anything changed.
 */
export function emit(folder, files) {
  mkdirSync(folder, { recursive: true });
  let changed = false;
  for (const path of filesIn(folder)) {
    if (files.has(path)) continue;
    rmSync(join(folder, path));
    changed = true;
  }
  for (const [path, bytes] of files) {
    const file = join(folder, path);
    if (same(file, bytes)) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    changed = true;
  }
  return changed;
}

/** Every file below a folder, by its path inside. @param {string} folder */
export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    );
}

/** @param {string} file @param {Uint8Array} bytes */
function same(file, bytes) {
  try {
    return readFileSync(file).equals(bytes);
  } catch {
    return false;
  }
}

/**
 * Returns the files that esbuild made in memory, by path inside its output folder.
 * @param {string} outdir @param {import("esbuild").BuildResult<{ write: false }>} result
 */
export function outputsOf(outdir, result) {
  return new Map(
    result.outputFiles.map((file) => [relative(outdir, file.path).split(sep).join("/"), file.contents]),
  );
}
