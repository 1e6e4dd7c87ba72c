/** Reads the wasm that the package holds, in Node. */
import { readFile } from "node:fs/promises";
import { TabtapeError } from "./errors.ts";

/** Reads `file`. Throws `wasm_unavailable`. */
export async function readPackagedWasm(file: URL): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const hint = 'a bundler that moves this module leaves the wasm behind; import "tabtape/inline" there';
    throw new TabtapeError("wasm_unavailable", `${file}: could not be read; ${hint}`, { cause: error });
  }
}
