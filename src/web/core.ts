/**
 * `tabtape/core`: sessions, readers, selectors and category logs, with a wasm that lacks the recorder and the reader of
 * its logs. It shares no instance with `tabtape`: objects of one cannot be given to the other.
 */
import { checked } from "./kinds.ts";
import { SIGNATURES } from "./signatures.ts";
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it fetches `tabtape_core.wasm` next to this module. Throws
 * `wasm_unavailable` or `wasm_invalid`.
 */
export async function init(source?: WasmSource | null): Promise<void> {
  const [given] = checked(SIGNATURES.init, source);
  await load(given ?? new URL("./tabtape_core.wasm", import.meta.url));
}

export default init;

export * from "./core_api.ts";
