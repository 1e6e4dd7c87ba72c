/**
 * Tabtape's core for pages, workers, extension service workers and Node.
 *
 * ```ts
 * import init, { CaptureSession } from "tabtape";
 * await init();
 * const session = new CaptureSession();
 * session.publish({ type: "app.ready", category: "app", source: { kind: "extension" }, data: {} });
 * ```
 */
import { checked } from "./kinds.ts";
import { SIGNATURES } from "./signatures.ts";
import { load, type WasmSource } from "./wasm.ts";

/**
 * Makes the core ready. Without an argument it fetches `tabtape.wasm` next to this module, which Vite and webpack put
 * there by themselves. Throws `wasm_unavailable` or `wasm_invalid`.
 */
export async function init(source?: WasmSource | null): Promise<void> {
  const [given] = checked(SIGNATURES.init, source);
  await load(given ?? new URL("./tabtape.wasm", import.meta.url));
}

export default init;

export * from "./api.ts";
