/** A browser that records some sites into a real collector, as `npm start` makes it, for as long as a row needs it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requiredBrowser } from "../../scripts/lib/browser.mjs";
import { ask, startCollector } from "../../scripts/lib/collector.mjs";
import { launchRecorder } from "../../scripts/lib/recorder.mjs";

/** Parts of `dist/` that a recording uses. */
export const RECORDING_PARTS = ["www", "wasm", "collector", "extension"];

/**
 * @template T
 * @param {string[]} sites Site patterns of what is recorded.
 * @param {(recorder: Awaited<ReturnType<typeof launchRecorder>>, query: (q: string) => Promise<any[]>, collector: import("../../scripts/lib/collector.mjs").Running, restart: (meanwhile: () => Promise<unknown>) => Promise<import("../../scripts/lib/collector.mjs").Running>) => Promise<T>} body
 *   `restart` kills the collector and starts another one, which it returns, on its address and folder after `meanwhile`.
 * @param {(extension: string) => void} [prepare] Changes the extension's copy before it is loaded.
 * @returns {Promise<T>}
 */
export async function recording(sites, body, prepare) {
  const browser = await requiredBrowser();
  const folder = mkdtempSync(join(tmpdir(), "tabtape-bench-"));
  const data = join(folder, "data");
  const start = (/** @type {string} */ listen) =>
    startCollector({ folder: data, log: join(folder, "collector.log"), listen });
  let collector = await start("127.0.0.1:0");
  const restart = async (/** @type {() => Promise<unknown>} */ meanwhile) => {
    await collector.kill();
    await meanwhile();
    collector = await start(new URL(collector.running.url).host);
    return collector.running;
  };
  try {
    const recorder = await launchRecorder({
      browser,
      folder,
      running: collector.running,
      capture: { sites: { include: sites } },
      prepare,
      headless: true,
      log: join(folder, "browser.log"),
      hush: true,
    });
    try {
      const query = async (/** @type {string} */ q) => {
        await recorder.command({ command: "flush" });
        const lines = await ask(data, ["query", q, "--json"]);
        return lines
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line));
      };
      return await body(recorder, query, collector.running, restart);
    } finally {
      await recorder.browser.close();
    }
  } finally {
    await collector.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
