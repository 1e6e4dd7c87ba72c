/** The names that every entry point of the package exports, `tabtape/core` included, next to its own `init`. */
export type { Durability } from "./durability.ts";
export { TabtapeError } from "./errors.ts";
export { CategoryLogs, type CategoryLogsOptions, openCategoryLogs } from "./logs.ts";
export { Reader, type ReaderOptions } from "./reader.ts";
export {
  type RedactionNameRule,
  type RedactionRule,
  type RedactionRules,
  type RedactionShapeRule,
  type RedactionTrial,
  redactionRules,
  tryRedaction,
} from "./redaction.ts";
export {
  type BatchReceipt,
  CaptureSession,
  type CaptureSessionOptions,
} from "./session.ts";
export type * from "./types.ts";
export { isTrap, type WasmResponse, type WasmSource } from "./wasm.ts";
