/** The entry point of Node: the wasm is read from disk. */
import { readFile } from "node:fs/promises";
import { load, type WasmSource } from "./wasm.ts";

/** Makes the core ready. Without an argument it reads `tabtape.wasm` beside this module. */
export async function init(source?: WasmSource): Promise<void> {
  await load(source ?? (await readFile(new URL("tabtape.wasm", import.meta.url))));
}

export default init;

export type { Durability } from "./durability.ts";
export { TabtapeError } from "./errors.ts";
export { CategoryLogs, type CategoryLogsOptions, openCategoryLogs } from "./logs.ts";
export { Reader } from "./reader.ts";
export { openRecorder } from "./recorder.ts";
export {
  type BatchReceipt,
  CaptureSession,
  type CaptureSessionOptions,
  type ReaderOptions,
} from "./session.ts";
export type * from "./types.ts";
export { isTrap, type WasmSource } from "./wasm.ts";
