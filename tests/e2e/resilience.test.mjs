/** The worker survives failures below it: the recorder traps, the collector is away or was never there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startCollector } from "./fixtures/collector.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({ pages: { "/page": scripted(`console.log("a page")`) } });

/** Makes everything that carries `word` into the recorder trap it, as a defect of it would. @param {string | null} word */
async function trapOn(word) {
  await (await rig.worker()).evaluate((poison) => {
    const scope = /** @type {any} */ (globalThis);
    scope.encodeInto ??= TextEncoder.prototype.encodeInto;
    TextEncoder.prototype.encodeInto = function (text, bytes) {
      if (poison !== null && text.includes(poison)) throw new WebAssembly.RuntimeError("unreachable");
      return scope.encodeInto.call(this, text, bytes);
    };
  }, word);
}

test("an event that traps the recorder becomes a drop, and all around it is kept", async () => {
  const page = await rig.open("/page");
  await rig.event("console.log", "a page");
  const session = (await rig.command({ command: "status" })).recorder.session_id;
  await trapOn("poisoned");
  await page.evaluate(() => {
    for (let n = 0; n < 30; n++) console.log(n === 17 ? "poisoned" : `around ${n}`);
  });
  const events = await rig.until(
    "type:console.log",
    (found) => found.filter(({ data }) => /^around/.test(/** @type {any} */ (data).text)).length >= 29,
  );
  const around = events
    .map(({ data }) => /** @type {any} */ (data).text)
    .filter((text) => text.startsWith("around"));
  assert.equal(new Set(around).size, 29);
  assert.equal(around.length, 29, "none twice");
  await rig.poll("the drop to be recorded", async () =>
    (await rig.collector.records("")).some(
      (record) => "gap" in record && record.gap.reason === "trap" && record.gap.category === "console",
    ),
  );
  await trapOn(null);
  const { recorder } = await rig.command({ command: "status" });
  assert.equal(recorder.session_id, session, "the session continues");
  await rig.until("type:system.worker_started", (found) =>
    found.some(({ data }) => /** @type {any} */ (data).reason === "trap"),
  );
  await page.close();
});

test("with the collector away nothing is lost, and what waited is delivered when it is back", async () => {
  const { url, dataDir } = rig.collector;
  await rig.collector.stop("SIGKILL");
  const page = await rig.open("/page");
  await page.evaluate(() => {
    for (let n = 0; n < 500; n++) console.log(`away ${n}`);
  });
  await rig.poll("the backlog to be shown", async () => {
    const { recorder } = await rig.command({ command: "status" });
    return recorder.backlog_events >= 500 && recorder.collector.state !== "ok";
  });
  rig.collector = await startCollector(dataDir, new URL(url).host);
  const events = await rig.until(
    "type:console.log",
    (found) => found.filter(({ data }) => /^away/.test(/** @type {any} */ (data).text)).length >= 500,
    90_000,
  );
  assert.equal(
    new Set(events.map(({ data }) => /** @type {any} */ (data).text).filter((text) => /^away/.test(text)))
      .size,
    500,
  );
  await page.close();
});

test("idle, paired and with the viewer open, nothing but system events is added", async () => {
  const viewer = await rig.context.newPage();
  await viewer.goto(rig.collector.url).catch(() => {});
  await viewer.waitForTimeout(2_000);
  await rig.flushed();
  const before = (await rig.collector.events("-category:system")).length;
  await viewer.waitForTimeout(60_000);
  await viewer.reload();
  await viewer.waitForTimeout(1_000);
  await rig.flushed();
  assert.equal((await rig.collector.events("-category:system")).length, before);
  await viewer.close();
});

test("three traps in a minute end recording, on the badge, until a person starts it again", async () => {
  const page = await rig.open("/page");
  await trapOn("always");
  for (let n = 0; n < 3; n++) {
    await page.evaluate((number) => fetch(`/always-${number}`).catch(() => {}), n);
    await page.waitForTimeout(400);
  }
  await rig.poll(
    "recording to end",
    async () => (await rig.command({ command: "status" })).recording === false,
  );
  const worker = await rig.worker();
  assert.equal(await worker.evaluate(() => chrome.action.getBadgeText({})), "!");
  assert.match((await rig.command({ command: "status" })).failure, /crashed three times/);
  await trapOn(null);
  await rig.command({ command: "start" });
  await page.evaluate(() => console.log("after the traps"));
  await rig.event("console.log", "after the traps");
  assert.equal(await worker.evaluate(() => chrome.action.getBadgeText({})), "REC");
  await page.close();
});
