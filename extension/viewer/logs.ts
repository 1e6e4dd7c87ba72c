/** Opens the logs of this browser for a page of the extension. */
import init, { type LogReader, openLogReader } from "../../src/web/index.ts";

export async function openLogs(): Promise<LogReader> {
  await init(chrome.runtime.getURL("tabtape.wasm"));
  return openLogReader();
}
