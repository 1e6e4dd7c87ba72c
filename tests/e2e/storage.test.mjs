/** How the extension's own log is kept: how durably, for how long, and how much of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: { "/page": scripted(`console.log("a page")`) },
  preconfiguration: { durability: "strict" },
});

test("a durability in tabtape.json is that of every commit", async () => {
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    scope.durabilities = [];
    const { transaction } = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (stores, mode, options) {
      if (mode === "readwrite" && [stores].flat().includes("segments"))
        scope.durabilities.push(options?.durability);
      return transaction.call(this, stores, mode, options);
    };
  });
  const page = await rig.open("/page");
  await rig.event("console.log", "a page");
  const durabilities = await worker.evaluate(() => /** @type {any} */ (globalThis).durabilities);
  assert.deepEqual([...new Set(durabilities)], ["strict"]);
  await page.close();
});

test("the status says that nothing is evicted, and how much may be stored", async () => {
  await rig.poll("storage to be looked at", async () => {
    const { recorder } = await rig.command({ command: "status" });
    return recorder.storage_persistent === true && recorder.storage_quota_bytes > 1 << 20;
  });
});
