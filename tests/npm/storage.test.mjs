/** Durability and persistence that the package requests from a browser's storage in a page. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openBrowser } from "./page.mjs";

const browser = await openBrowser();
after(() => browser.close());

/** A page of its own storage, with the package in `tabtape`. @param {string[]} granted Permissions, as CDP names them. */
async function openPage(granted) {
  const { origin } = browser;
  const page = await browser.page();
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
  test(`a browser that ${promised ? "promises" : "refuses"} to keep the logs is asked`, async () => {
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
