/** A browser that records some sites into a real collector, as `npm start` makes it, for as long as a row needs it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBrowser } from "../../scripts/lib/browser.mjs";
import { ask, startCollector } from "../../scripts/lib/collector.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { copyExtension, launchRecorder } from "../../scripts/lib/recorder.mjs";
import { Tell } from "../../scripts/lib/say.mjs";

/**
 * @template T
 * @param {string[]} sites Site patterns of what is recorded.
 * @param {(recorder: Awaited<ReturnType<typeof launchRecorder>>, query: (q: string) => Promise<any[]>, collector: import("../../scripts/lib/collector.mjs").Running) => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function recording(sites, body) {
  const browser = await findBrowser();
  if (!browser) throw new Tell("no Chromium was found; name one in TABTAPE_BROWSER");
  const folder = mkdtempSync(join(tmpdir(), "tabtape-bench-"));
  const data = join(folder, "data");
  const collector = await startCollector({
    folder: data,
    log: join(folder, "collector.log"),
    listen: "127.0.0.1:0",
  });
  try {
    const extension = join(folder, "extension");
    const { url, pairing } = collector.running;
    copyExtension(dist("extension"), extension, {
      collector: { url, secret: pairing.secret },
      recording: true,
      capture: { sites: { include: sites } },
    });
    const recorder = await launchRecorder({
      browser,
      profile: join(folder, "profile"),
      extension,
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
      return await body(recorder, query, collector.running);
    } finally {
      await recorder.browser.close();
    }
  } finally {
    await collector.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
