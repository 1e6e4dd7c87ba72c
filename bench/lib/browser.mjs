/** Runs a bundled script in a real Chromium page and returns what it resolves to. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { requiredBrowser, SWITCHES } from "../../scripts/lib/browser.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { serve } from "../../scripts/lib/port.mjs";
import { bundled } from "./bundled.mjs";

/**
 * @param {string} entry A module that exports `run(options)`.
 * @param {object} options Handed to it.
 * @returns {Promise<{ browser: string, result: any }>}
 */
export async function runInPage(entry, options) {
  const contents = `import { run } from ${JSON.stringify(entry)}; globalThis.runBench = run;`;
  const resolveDir = new URL("..", import.meta.url).pathname;
  const script = await bundled({ stdin: { contents, resolveDir }, format: "iife" });
  const wasm = readFileSync(dist("npm", "tabtape.wasm"));
  const site = await serve((request, response) => {
    if (request.url === "/tabtape.wasm") {
      response.setHeader("content-type", "application/wasm").end(wasm);
    } else if (request.url === "/bench.js") {
      response.setHeader("content-type", "text/javascript").end(script);
    } else {
      response.setHeader("content-type", "text/html").end('<!doctype html><script src="/bench.js"></script>');
    }
  });
  const profile = mkdtempSync(join(tmpdir(), "tabtape-bench-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: (await requiredBrowser()).file,
    headless: true,
    args: ["--disable-gpu", ...SWITCHES],
  });
  try {
    const page = await context.newPage();
    await page.goto(`${site.origin}/`);
    const result = await page.evaluate((given) => /** @type {any} */ (globalThis).runBench(given), options);
    return { browser: context.browser()?.version() ?? "unknown", result };
  } finally {
    await context.close();
    await site.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
