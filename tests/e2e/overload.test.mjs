/** A page that floods the recorder: detail is lowered with the reason, and returns; and what recording costs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    // No acknowledgement reaches a page within one task, however fast the machine is: each task leaves more in the queue
    // than the limit, and less than what a relay drops. The pause lets the worker do other work, also on a machine on
    // which everything takes longer. A pause of several beats would be the end of the load.
    "/flood": scripted(`
      const flood = () => {
        const begun = performance.now();
        for (let n = 0; n < 12_000; n++) console.log("flood", { n });
        setTimeout(flood, Math.min(2 * (performance.now() - begun) + 100, 3_000));
      };
      setTimeout(flood);`),
    "/calm": scripted(`console.log("calm", { inner: 1 })`),
  },
});

/** A flood on a busy machine takes long. */
const PATIENCE_MS = 180_000;

/** The changes that the recorder made by itself, as `[level, reason]`. */
const changes = async () =>
  (await rig.collector.events("type:system.config_changed"))
    .map(({ data }) => /** @type {any} */ (data))
    .filter(({ reason }) => reason !== undefined);

test("a flood lowers the detail of its category, and its end raises it again", async () => {
  const flood = await rig.open("/flood");
  await rig.poll("a lowered level", async () => (await changes()).length > 0, PATIENCE_MS);
  const [lowered] = await changes();
  assert.deepEqual(lowered.patch, { categories: { console: { detail_level: "minimal" } } });
  assert.equal(lowered.config.categories.console.detail_level, "minimal");
  assert.match(lowered.reason, /^\d+ (events wait in a page|bytes wait for their commit)/);
  await rig.until("type:console.log -detail:standard", (events) => events.length > 0, PATIENCE_MS);

  await flood.close();
  const isRaised = async () =>
    (await changes()).at(-1)?.config.categories.console.detail_level === "standard";
  await rig.poll("the level's return", isRaised, PATIENCE_MS);
  assert.equal((await changes()).at(-1)?.reason, "the load has ended");
  const { recorder, config } = await rig.command({ command: "status" });
  assert.deepEqual(recorder.lowered, []);
  assert.equal(config.categories.console.detail_level, "standard");
  await rig.poll("content scripts of the higher level", async () =>
    (await rig.worker()).evaluate(async () =>
      (await chrome.scripting.getRegisteredContentScripts()).some(({ js }) =>
        js?.includes("levels/console-standard.js"),
      ),
    ),
  );
  await rig.open("/calm");
  assert.equal((await rig.event("console.log", "calm")).detail_level, "standard");
});

test("the health of the recorder is in the stream", async () => {
  const page = await rig.open("/calm");
  const reports = async () =>
    (await rig.collector.events("type:system.health")).map(({ data }) => /** @type {any} */ (data));
  await rig.poll(
    "a report of the flood, and one of a page's cost",
    async () => {
      await page.evaluate(() => console.log("still here"));
      const all = await reports();
      return all.some(({ relay_queue }) => relay_queue > 10_000) && all.some((one) => one.page_events > 0);
    },
    PATIENCE_MS,
  );
  const all = await reports();
  const health = all.find(({ page_events }) => page_events > 0);
  assert.ok(health.page_micros_per_event > 0, JSON.stringify(health));
  assert.ok(health.events.console > 0 && health.bytes > 0, JSON.stringify(health));
  assert.ok(health.worker_events > 0 && health.worker_micros_per_event > 0, JSON.stringify(health));
  assert.ok(health.commit_lag_max_ms >= health.commit_lag_ms, JSON.stringify(health));
});
