/** The names that every entry point of the package exports, next to its own `init`. */
export type { Durability } from "./durability.ts";
export { TabtapeError } from "./errors.ts";
export {
  type HeaderColumns,
  type LoggedCoverage,
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
export { isTrap, type WasmResponse, type WasmSource } from "./wasm.ts";
