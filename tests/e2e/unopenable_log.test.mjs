/** A log that cannot be opened when recording begins: memory holds everything until it opens, and then the log does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  recording: false,
  pages: {
    "/quiet": (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>quiet</title>"),
  },
});

const recorder = async () => (await rig.command({ command: "status" })).recorder;

test("a log that opens later has what memory held, and the next worker continues its session", async () => {
  // A newer version of the extension leaves a database that this one cannot open.
  await (await rig.control()).evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open("tabtape", 1_000_000);
        request.onsuccess = () => {
          request.result.close();
          resolve(undefined);
        };
        request.onerror = () => reject(request.error);
      }),
  );
  await rig.command({ command: "start" });
  await rig.poll("the session to be kept in memory", async () => (await recorder())?.state === "volatile");
  const page = await rig.open("/quiet");
  await page.evaluate(() => console.log("said in memory"));
  await rig.event("console.log", "said in memory");

  const { session_id } = await recorder();
  await (await rig.control()).evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase("tabtape");
        request.onsuccess = () => resolve(undefined);
        request.onerror = () => reject(request.error);
      }),
  );
  await rig.poll("the log to be opened", async () => (await recorder()).state === "logged");
  await page.evaluate(() => console.log("said in the log"));
  await rig.event("console.log", "said in the log");
  await rig.killWorker();
  await page.evaluate(() => console.log("said to the next worker"));
  await rig.event("console.log", "said to the next worker");
  const next = await recorder();
  assert.deepEqual([next.session_id, next.epoch > 1, next.state], [session_id, true, "logged"]);

  // The log alone has all of it, from the first event on.
  const stored = await (await rig.control()).evaluate(
    (id) =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open("tabtape");
        request.onerror = () => reject(request.error);
        request.onsuccess = () => {
          const database = request.result;
          const heads = database.transaction("heads").objectStore("heads").get(id);
          heads.onsuccess = () => {
            database.close();
            resolve(heads.result);
          };
        };
      }),
    session_id,
  );
  assert.ok(/** @type {{ latest_seq: number }} */ (stored).latest_seq >= 3);
  for (const text of ["said in memory", "said in the log", "said to the next worker"]) {
    const told = await rig.collector.events(`type:console.log "${text}"`);
    assert.equal(told.length, 1, text);
  }
});
