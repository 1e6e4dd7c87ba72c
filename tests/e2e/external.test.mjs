/** Other extensions publish once a person has approved them, bounded, and with their provenance stamped by us. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serviceWorker } from "./fixtures/browser.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const EXAMPLE = fileURLToPath(new URL("fixtures/publishing-extension", import.meta.url));

const rig = await sharedRig({ otherExtensions: [EXAMPLE] });
const example = () => serviceWorker(rig.context, "Publishes to Tabtape");
const exampleId = await (await example()).evaluate(() => chrome.runtime.id);

/** @param {unknown} events @returns {Promise<any>} */
const publish = async (events) =>
  (await example()).evaluate((sent) => /** @type {any} */ (self).publish(sent), /** @type {any} */ (events));

const event = {
  type: "shop.cart_changed",
  category: "shop",
  source: { kind: "extension", event: "cart.onChanged" },
  data: { items: 2 },
};

test("an extension that is not approved publishes nothing, and is shown as asking", async () => {
  const answer = await publish(event);
  assert.equal(answer.code, "not_approved");
  const { asking_extensions } = await rig.command({ command: "status" });
  assert.deepEqual(asking_extensions, [exampleId]);
});

test("an approved one publishes, and cannot say where its events come from", async () => {
  await rig.command({ command: "approve", extension_id: exampleId, approved: true });
  const forged = {
    ...event,
    source: { kind: "cdp", event: "cart.onChanged", metadata: { tab_id: "7", extension_id: "somebody" } },
  };
  const answer = await publish([event, forged]);
  assert.equal(answer.last_seq, answer.first_seq + 1);
  const events = await rig.until("category:shop", (found) => found.length >= 2);
  for (const { source, data } of events) {
    assert.deepEqual(source, {
      kind: "extension",
      event: "cart.onChanged",
      metadata: { extension_id: exampleId },
    });
    assert.deepEqual(data, { items: 2 });
  }
});

test("by port, answers come in order and name the event that is wrong", async () => {
  const worker = await example();
  const answers = await worker.evaluate(
    (sent) => /** @type {any} */ (self).publishByPort(sent),
    /** @type {any} */ ([
      event,
      { ...event, type: "x".repeat(200) },
      [event, { ...event, surprise: 1 }],
      { ...event, category: "console" },
      {},
    ]),
  );
  assert.ok(answers[0].last_seq > 0);
  assert.equal(answers[1].code, "invalid_event");
  assert.equal(answers[2].index, 1);
  assert.match(answers[2].error, /surprise/);
  assert.match(answers[3].error, /category "console"/);
  assert.match(answers[4].error, /./);
});

test("too many, too large or too fast is refused, and what was too fast is counted", async () => {
  assert.equal((await publish(Array(501).fill(event))).code, "too_many");
  assert.equal((await publish({ ...event, data: "x".repeat(2 << 20) })).code, "too_large");
  const answers = await (await example()).evaluate(
    (sent) => /** @type {any} */ (self).publishByPort(sent),
    Array(6).fill(Array(500).fill(event)),
  );
  const codes = answers.map((/** @type {any} */ { code }) => code);
  assert.ok(codes.includes("rate_limited"), `${codes}`);
  const gaps = await rig.until("", () => true).then(() => rig.collector.records(""));
  await rig.poll("the gap", async () =>
    (await rig.collector.records("")).some(
      (record) => "gap" in record && record.gap.reason === "rate_limited" && record.gap.category === "shop",
    ),
  );
  assert.ok(gaps.length > 0);
});

test("events of a category that is turned off are left out, and the rest is taken", async () => {
  const off = { categories: { shop: { enabled: false } } };
  await rig.command({ command: "configure", patch: off });
  const count = async () => (await rig.collector.events("category:shop")).length;
  await rig.flushed();
  const before = await count();
  await rig.poll("enough to be saved up", async () => {
    const answer = await publish([event, { ...event, type: "till.opened", category: "till" }, event]);
    if (answer.code === "rate_limited") return false;
    assert.deepEqual([answer.last_seq, answer.left_out], [answer.first_seq, 2]);
    return true;
  });
  await rig.event("till.opened");
  assert.equal(await count(), before);
  await rig.command({ command: "configure", patch: { categories: { shop: { enabled: true } } } });
});

test("an approval that is taken back holds at once", async () => {
  await rig.command({ command: "approve", extension_id: exampleId, approved: false });
  assert.equal((await publish(event)).code, "not_approved");
  const changes = await rig.until("type:system.settings_changed", (events) => events.length >= 2);
  assert.deepEqual(
    changes.map(({ data }) => data),
    [{ patch: { approved_extensions: [exampleId] } }, { patch: { approved_extensions: [] } }],
  );
});

test("each publisher is answered, also by a worker that could not begin", async () => {
  await (await rig.worker()).evaluate(() =>
    chrome.storage.local.get("tabtape").then(({ tabtape }) => {
      const broken = {
        .../** @type {any} */ (tabtape),
        capture: { categories: { page: { detail_level: "loud" } } },
      };
      return chrome.storage.local.set({ tabtape: broken });
    }),
  );
  await rig.killWorker();
  assert.match((await publish(event)).error, /loud/);
});

test("a page can speak to the extension by no message", async () => {
  const page = await rig.open("/");
  const reachable = await page.evaluate(
    () => typeof (/** @type {any} */ (globalThis).chrome?.runtime?.sendMessage),
  );
  assert.equal(reachable, "undefined");
  await page.close();
});
