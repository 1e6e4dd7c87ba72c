/** The entry point of Node: it reads the wasm from disk. What stores in IndexedDB throws `no_indexeddb` there. */
import { readFile } from "node:fs/promises";
import { TabtapeError } from "./errors.ts";
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it reads `tabtape.wasm` next to this module. Throws `wasm_unavailable` or
 * `wasm_invalid`.
 */
export async function init(source?: WasmSource): Promise<void> {
  await load(source ?? (await packagedWasm()));
}

export default init;

export * from "./api.ts";

async function packagedWasm(): Promise<Uint8Array> {
  const file = new URL("./tabtape.wasm", import.meta.url);
  try {
    return await readFile(file);
  } catch (error) {
    const hint = 'a bundler that moves this module leaves the wasm behind; import "tabtape/inline" there';
    throw new TabtapeError("wasm_unavailable", `${file}: could not be read; ${hint}`, { cause: error });
  }
}
