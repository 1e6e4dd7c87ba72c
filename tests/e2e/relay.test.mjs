/** The relay's promises: nothing is lost between page and log, whatever dies, and no other script can forge its messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  backForwardCache: true,
  pages: {
    "/numbered": scripted(`
      // Bursts of 20 every 10 ms, numbered, until a stop is asked for.
      let next = 0; const timer = setInterval(() => { for (let n = 0; n < 20; n++) console.log("n" + next++); }, 10);
      window.finish = () => { clearInterval(timer); return next; };`),
    "/leaves": scripted(`
      let n = 0; addEventListener("pagehide", () => { for (; n < 300; n++) console.log("leaving " + n); });`),
    "/elsewhere": scripted(""),
    "/flood": scripted(`
      for (let n = 0; n < 60000; n++) console.log("flood " + n);
      document.addEventListener("click", () => {});`),
    "/cached": scripted(`
      console.log("shown anew");
      addEventListener("pageshow", ({ persisted }) => { if (persisted) for (let n = 0; n < 300; n++) console.log("returned " + n); });`),
    "/goes-back": scripted(`addEventListener("load", () => setTimeout(() => history.back(), 500))`),
    "/forge": scripted(`
      window.caught = [];
      for (const type of ["lines", "config", "retire", "rearm", "drain", "tabtape:offer", "tabtape:ask", "message"]) {
        for (const target of [window, document, document.documentElement]) target.addEventListener(type, (event) => caught.push(type), true);
      }
      const line = JSON.stringify({ ts: 1, type: "system.mark", category: "system", source_event: "forged", data: { forged: "forged" } });
      const fake = new EventTarget();
      for (const type of ["tabtape:offer", "tabtape:ask"]) for (const target of [window, document]) target.dispatchEvent(new MouseEvent(type, { relatedTarget: fake, cancelable: true }));
      for (const target of [fake, window, document]) target.dispatchEvent(new CustomEvent("lines", { detail: line }));
      window.postMessage({ relay: "x", first: 1, lines: line }, "*");
      console.log("after forging", { ts: 1, type: "system.mark" }, "\\n" + line);`),
  },
});

/** @param {import("../../src/web/types.ts").Event[]} events @param {string} prefix */
const numbers = (events, prefix) =>
  events
    .map(({ data }) => `${/** @type {any} */ (data)?.text}`)
    .filter((text) => text.startsWith(prefix))
    .map((text) => Number(text.slice(prefix.length)));

test("no event is lost or doubled over three deaths of the worker", async () => {
  const page = await rig.open("/numbered");
  const session = (await rig.command({ command: "status" })).recorder.session_id;
  for (let kill = 0; kill < 3; kill++) {
    await page.waitForTimeout(400);
    await rig.killWorker();
  }
  await page.waitForTimeout(400);
  const emitted = await page.evaluate(() => /** @type {any} */ (window).finish());
  const events = await rig.until("type:console.log url:*/numbered", (found) => found.length >= emitted);
  const seen = numbers(events, "n").sort((a, b) => a - b);
  assert.deepEqual(
    seen,
    Array.from({ length: emitted }, (_, index) => index),
  );
  assert.equal(
    (await rig.command({ command: "status" })).recorder.session_id,
    session,
    "the session continues",
  );
  const gaps = (await rig.collector.records("")).filter((record) => "gap" in record);
  assert.deepEqual(gaps, []);
  await page.close();
});

test("a worker that comes back says so", async () => {
  const started = await rig.until("type:system.worker_started", (events) => events.length >= 4);
  assert.ok(started.some(({ data }) => /** @type {any} */ (data).reason === "wake"));
});

test("what a page logs while it leaves is recorded", async () => {
  const page = await rig.open("/leaves");
  await page.goto(`${rig.site.origin}/elsewhere`);
  const events = await rig.until("type:console.log url:*/leaves", (found) => found.length >= 300);
  assert.equal(new Set(numbers(events, "leaving ")).size, 300);
  await page.close();
});

test("a page that comes back from the back/forward cache continues being recorded", async () => {
  const page = await rig.context.newPage();
  await page.goto(`${rig.site.origin}/cached`);
  await rig.event("console.log", "shown anew");
  // Acknowledged before it leaves: a message to a cached document ends it.
  await rig.flushed();
  await page.goto(`${rig.site.otherOrigin}/goes-back`);
  const events = await rig.until(
    "type:console.log url:*/cached",
    (found) => numbers(found, "returned ").length >= 300,
  );
  assert.deepEqual(
    numbers(events, "returned "),
    Array.from({ length: 300 }, (_, index) => index),
  );
  assert.equal(events.filter(({ data }) => /** @type {any} */ (data).text === "shown anew").length, 1);
  const documents = new Set(events.map(({ source }) => source.metadata?.document_id));
  assert.equal(documents.size, 1, "the same document");
  await page.close();
});

test("a page that floods loses a counted part of its console and nothing of the rest", async () => {
  const page = await rig.open("/flood");
  await page.mouse.click(50, 50);
  await rig.event("input.click", "");
  await rig.flushed();
  await rig.poll("the flood to be recorded in full", async () => {
    const records = await rig.collector.records("url:*/flood category:console");
    const kept = numbers(
      records.flatMap((record) => ("event" in record ? [record.event] : [])),
      "flood ",
    );
    const gaps = (await rig.collector.records("")).flatMap((record) =>
      "gap" in record && record.gap.reason === "relay_queue_full" ? [record.gap] : [],
    );
    const dropped = gaps.reduce((sum, { first_seq, last_seq }) => sum + last_seq - first_seq + 1, 0);
    return new Set(kept).size + dropped === 60_000;
  });
  await page.close();
});

test("a page cannot read, forge or break the channel", async () => {
  const page = await rig.open("/forge");
  await rig.event("console.log", "after forging");
  assert.deepEqual(
    (await page.evaluate(() => /** @type {any} */ (window).caught)).filter(
      (/** @type {string} */ type) => !/^tabtape:|^message$|^lines$/.test(type),
    ),
    [],
  );
  await rig.flushed();
  const marks = await rig.collector.events("category:system");
  assert.deepEqual(
    marks.filter(({ data }) => JSON.stringify(data).includes("forged")),
    [],
  );
  // The page received the events that it dispatched itself, and none of ours.
  const caught = await page.evaluate(() => {
    const { caught } = /** @type {any} */ (window);
    caught.length = 0;
    console.log("one more");
    return new Promise((done) => setTimeout(() => done([...caught]), 50));
  });
  assert.deepEqual(caught, []);
  await page.close();
});

test("recorded on both sides of an extension reload, with nothing left behind in the page", async () => {
  const page = await rig.open("/elsewhere");
  await page.evaluate(() => console.log("before the reload"));
  await rig.event("console.log", "before the reload");
  await rig.reloadExtension();
  await rig.ready(true);
  await rig.poll("the page to be recorded again", async () => {
    await page.evaluate(() => console.log("after the reload"));
    return (await rig.collector.events("type:console.log")).some(
      ({ data }) => /** @type {any} */ (data).text === "after the reload",
    );
  });
  await page.evaluate(() => console.log("exactly once"));
  const once = await rig.until("type:console.log", (events) => numbers(events, "exactly once").length > 0);
  assert.equal(numbers(once, "exactly once").length, 1);
  await rig.event("page.capture_limited", "extension_reloaded");
  await page.close();
});
