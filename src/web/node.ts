/** The entry point of Node: it reads the wasm from disk. What stores in IndexedDB throws `no_indexeddb` there. */
import { checked } from "./kinds.ts";
import { readPackagedWasm } from "./packaged_wasm.ts";
import { SIGNATURES } from "./signatures.ts";
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it reads `tabtape.wasm` next to this module. Throws `wasm_unavailable` or
 * `wasm_invalid`.
 */
export async function init(source?: WasmSource | null): Promise<void> {
  const [given] = checked(SIGNATURES.init, source);
  await load(given ?? (await readPackagedWasm(new URL("./tabtape.wasm", import.meta.url))));
}

export default init;

export * from "./api.ts";
