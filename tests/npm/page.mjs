/** Pages of a browser that can import the package's modules, each with storage of its own. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { findBrowser } from "../../scripts/lib/browser.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { isRoot } from "../../scripts/lib/platform.mjs";

/** @param {Record<string, URL>} [besides] Other files to serve, by path. */
export async function openBrowser(besides = {}) {
  const server = createServer((request, response) => {
    const path = /** @type {string} */ (request.url);
    const type = path.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    if (path === "/") response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    else if (/\.(js|mjs|wasm)$/.test(path)) {
      response.writeHead(200, { "content-type": type }).end(readFileSync(besides[path] ?? dist("npm", path)));
    } else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const origin = `http://127.0.0.1:${port}`;
  const found = await findBrowser();
  assert.ok(found, "a browser");
  const browser = await chromium.launch({
    executablePath: found.file,
    args: ["--headless=new", "--disable-gpu", ...(isRoot ? ["--no-sandbox"] : [])],
  });
  return {
    origin,
    /** A page of its own storage. */
    async page() {
      const page = await (await browser.newContext()).newPage();
      await page.goto(origin);
      return page;
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
