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
import { load, type WasmSource } from "./wasm.ts";

/** Makes the core ready. Without an argument it fetches `tabtape.wasm` beside this module. */
export async function init(source: WasmSource = new URL("tabtape.wasm", import.meta.url)): Promise<void> {
  await load(source);
}

export default init;

export type { Durability } from "./durability.ts";
export { TabtapeError } from "./errors.ts";
export {
  type HeaderColumns,
  type LoggedSession,
  type LogPage,
  LogReader,
  type LogStorage,
  openLogReader,
  type SessionTally,
} from "./log_reader.ts";
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
