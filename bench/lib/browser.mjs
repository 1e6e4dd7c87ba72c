/** Runs a bundled script in a real Chromium page and returns what it resolves to. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { findBrowser } from "../../scripts/lib/browser.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { isRoot } from "../../scripts/lib/platform.mjs";
import { serve } from "./site.mjs";

const ARGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  ...(isRoot ? ["--no-sandbox"] : []),
];

/**
 * @param {string} entry A module that exports `run(options)`.
 * @param {object} options Handed to it.
 * @returns {Promise<{ browser: string, result: any }>}
 */
export async function runInPage(entry, options) {
  const found = await findBrowser();
  if (!found) throw new Error("no browser: run npm run setup");
  const bundle = await build({
    stdin: {
      contents: `import { run } from ${JSON.stringify(entry)}; globalThis.runBench = run;`,
      resolveDir: new URL("..", import.meta.url).pathname,
    },
    bundle: true,
    format: "iife",
    write: false,
    logLevel: "error",
  });
  const script = bundle.outputFiles[0]?.text ?? "";
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
    executablePath: found.file,
    headless: true,
    args: ARGS,
  });
  try {
    const page = await context.newPage();
    await page.goto(`${site.url}/`);
    const result = await page.evaluate((given) => /** @type {any} */ (globalThis).runBench(given), options);
    return { browser: context.browser()?.version() ?? "unknown", result };
  } finally {
    await context.close();
    site.close();
    rmSync(profile, { recursive: true, force: true });
  }
}
