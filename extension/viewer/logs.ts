/** The logs of this browser, opened to be read by a page of ours. */
import init, { type LogReader, openLogReader } from "../../src/web/index.ts";

export async function openLogs(): Promise<LogReader> {
  await init(chrome.runtime.getURL("tabtape.wasm"));
  return openLogReader();
}
