/** The entry point of Node: it reads the wasm from disk. What stores in IndexedDB throws `no_indexeddb` there. */
import { readPackagedWasm } from "./packaged_wasm.ts";
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it reads `tabtape.wasm` next to this module. Throws `wasm_unavailable` or
 * `wasm_invalid`.
 */
export async function init(source?: WasmSource): Promise<void> {
  await load(source ?? (await readPackagedWasm(new URL("./tabtape.wasm", import.meta.url))));
}

export default init;

export * from "./api.ts";
