/** The names that every entry point of the package but `tabtape/core` exports, next to its own `init`. */
export * from "./core_api.ts";
export { Lines } from "./lines.ts";
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
export { captureConfig, openRecorder } from "./recorder.ts";
