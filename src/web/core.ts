/**
 * `tabtape/core`: sessions, readers, selectors and category logs, with a wasm that lacks the recorder and the reader of
 * its logs. It shares no instance with `tabtape`: objects of one cannot be given to the other.
 */
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it fetches `tabtape_core.wasm` next to this module. Throws
 * `wasm_unavailable` or `wasm_invalid`.
 */
export async function init(
  source: WasmSource = new URL("./tabtape_core.wasm", import.meta.url),
): Promise<void> {
  await load(source);
}

export default init;

export * from "./core_api.ts";
