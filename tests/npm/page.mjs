/** Pages of a browser that can import the package's modules, each with storage of its own. */
import { readFileSync } from "node:fs";
import { dist } from "../../scripts/lib/paths.mjs";
import { serve } from "../../scripts/lib/port.mjs";
import { launch } from "../e2e/fixtures/browser.mjs";

/** @param {Record<string, URL>} [besides] Other files to serve, by path. */
export async function openBrowser(besides = {}) {
  const site = await serve((request, response) => {
    const path = /** @type {string} */ (request.url);
    const type = path.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    if (path === "/") response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    else if (/\.(js|mjs|wasm)$/.test(path)) {
      response.writeHead(200, { "content-type": type }).end(readFileSync(besides[path] ?? dist("npm", path)));
    } else response.writeHead(404).end();
  });
  const browser = await launch();
  return {
    origin: site.origin,
    /** A page of its own storage. */
    async page() {
      const page = await (await browser.newContext()).newPage();
      await page.goto(site.origin);
      return page;
    },
    async close() {
      await browser.close();
      await site.close();
    },
  };
}
