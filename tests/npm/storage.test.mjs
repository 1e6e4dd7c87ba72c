/** Durability and persistence that the package requests from a browser's storage in a page. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { findBrowser } from "../../scripts/lib/browser.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { isRoot } from "../../scripts/lib/platform.mjs";

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("node:http").Server} */
let server;
/** @type {string} */
let origin;

before(async () => {
  server = createServer((request, response) => {
    const path = /** @type {string} */ (request.url);
    const type = path.endsWith(".wasm") ? "application/wasm" : "text/javascript";
    if (path === "/favicon.ico") response.writeHead(404).end();
    else if (path === "/") response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    else response.writeHead(200, { "content-type": type }).end(readFileSync(dist("npm", path)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  origin = `http://127.0.0.1:${port}`;
  const found = await findBrowser();
  assert.ok(found, "a browser");
  browser = await chromium.launch({
    executablePath: found.file,
    args: ["--headless=new", "--disable-gpu", ...(isRoot ? ["--no-sandbox"] : [])],
  });
});
after(async () => {
  await browser.close();
  server.close();
});

/** A page of its own storage, with the package in `tabtape`. @param {string[]} granted Permissions, as CDP names them. */
async function openPage(granted) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(origin);
  const session = await page.context().newCDPSession(page);
  const { targetInfo } = await session.send("Target.getTargetInfo");
  const permissions = /** @type {any} */ (granted);
  const { browserContextId } = /** @type {{ browserContextId: string }} */ (targetInfo);
  await session.send("Browser.grantPermissions", { origin, browserContextId, permissions });
  await page.evaluate(async () => {
    const scope = /** @type {any} */ (globalThis);
    scope.tabtape = await import(`${location.origin}/index.js`);
    await scope.tabtape.init();
  });
  return page;
}

for (const promised of [true, false]) {
  test(`a browser that ${promised ? "promises" : "refuses"} to keep the logs is asked and believed`, async () => {
    const page = await openPage(promised ? ["durableStorage"] : []);
    const answers = await page.evaluate(async () => {
      const { openCategoryLogs, openRecorder } = /** @type {any} */ (globalThis).tabtape;
      let asked = 0;
      const { persist } = StorageManager.prototype;
      StorageManager.prototype.persist = function () {
        asked++;
        return persist.call(this);
      };
      const logs = await openCategoryLogs();
      const byLogs = asked;
      const recorder = await openRecorder({
        resume: null,
        start: { reason: "install" },
        saveResume: async () => {},
      });
      // It asks at once, and looks.
      while (recorder.status().storage_quota_bytes === null)
        await new Promise((done) => setTimeout(done, 10));
      const { storage_persistent } = recorder.status();
      return { byLogs, byRecorder: asked, storage_persistent, persist: await logs.persist(), byHand: asked };
    });
    assert.deepEqual(answers, {
      byLogs: 0,
      byRecorder: 1,
      storage_persistent: promised,
      persist: promised,
      byHand: 2,
    });
    await page.context().close();
  });
}

test("a durability is that of every commit, and another word for it is refused by name", async () => {
  const page = await openPage([]);
  const seen = await page.evaluate(async () => {
    const { CaptureSession, openCategoryLogs } = /** @type {any} */ (globalThis).tabtape;
    /** @type {unknown[]} */
    const durabilities = [];
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite" && [stores].flat().includes("segments"))
        durabilities.push(options?.durability);
      return transaction.call(this, stores, mode, options);
    };
    for (const durability of ["strict", "relaxed", undefined]) {
      const log = await openCategoryLogs({ durability });
      const session = new CaptureSession({ log });
      session.publish({ type: "app.ready", category: "app", source: { kind: "extension" } });
      await session.close();
    }
    const wrong = await openCategoryLogs({ durability: "fsync" }).catch((/** @type {any} */ error) => error);
    return { durabilities, code: wrong.code, message: wrong.message };
  });
  assert.deepEqual(seen, {
    durabilities: ["strict", "relaxed", "relaxed"],
    code: "invalid_options",
    message: 'durability: expected "relaxed" or "strict", got "fsync"',
  });
  await page.context().close();
});
