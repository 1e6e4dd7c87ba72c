/** Serves a folder to a browser, and reads what a page of it found. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { serve } from "../../scripts/lib/port.mjs";

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** The lines that exercise the package in a page. @param {string} name What is imported. */
export const pageScript = (name) => `
  import * as tabtape from "${name}";
  import { exercise } from "./exercise.mjs";
  exercise(tabtape).then((found) => { globalThis.found = found; }, (error) => { globalThis.found = String(error.stack ?? error); });
`;

/** @param {string} script @param {string} [head] */
export const pageOf = (script, head = "") =>
  `<!doctype html><html><head><meta charset="utf-8">${head}</head><body><script type="module" src="${script}"></script></body></html>`;

/**
 * Returns the value that the page `/` of a folder puts into `globalThis.found`, or its error.
 * @param {import("playwright-core").Browser} browser @param {string} folder
 */
export async function foundBy(browser, folder) {
  const site = await serve((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const file = join(folder, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (!existsSync(file) || !statSync(file).isFile()) return void response.writeHead(404).end();
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(readFileSync(file));
  });
  try {
    return await foundAt(browser, `${site.origin}/`);
  } finally {
    await site.close();
  }
}

/** The same at an address. @param {import("playwright-core").Browser} browser @param {string} url */
export async function foundAt(browser, url) {
  const page = await browser.newPage();
  try {
    /** @type {string[]} */
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("requestfailed", (request) => errors.push(`${request.url()}: ${request.failure()?.errorText}`));
    await page.goto(url);
    await page
      .waitForFunction(() => "found" in globalThis, undefined, { timeout: 30_000 })
      .catch((error) => {
        throw new Error(`the page found nothing: ${errors.join("; ") || error.message}`);
      });
    return await page.evaluate(() => /** @type {any} */ (globalThis).found);
  } finally {
    await page.close();
  }
}
