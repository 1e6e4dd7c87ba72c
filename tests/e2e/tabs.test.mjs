/** Events of tabs and windows, as chrome.tabs and chrome.windows report them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({ pages: { "/page": scripted("") } });

test("a tab that is moved, and then to another window, is recorded with both positions", async () => {
  const page = await rig.open("/page?moved");
  await rig.event("page.settled", "moved");
  const worker = await rig.worker();
  const [id, from] = await worker.evaluate(async () => {
    const [tab] = (await chrome.tabs.query({})).filter(({ url }) => url?.includes("moved"));
    return [Number(tab?.id), Number(tab?.index)];
  });
  await worker.evaluate((tab) => chrome.tabs.move(Number(tab), { index: 0 }), id);
  const moved = await rig.event("tab.moved", "moved");
  assert.deepEqual(moved.data, { from_index: from, to_index: 0 });
  const windowId = await worker.evaluate(
    async (url) => (await chrome.windows.create({ url }))?.id,
    `${rig.site.origin}/page`,
  );
  await worker.evaluate(
    ([tab, window]) => chrome.tabs.move(Number(tab), { windowId: Number(window), index: 0 }),
    [id, windowId],
  );
  assert.deepEqual((await rig.event("tab.detached", "moved")).data, { from_index: 0 });
  const attached = await rig.event("tab.attached", "moved");
  assert.deepEqual(attached.data, { to_index: 0 });
  assert.equal(attached.source.metadata.window_id, `${windowId}`);
  await page.evaluate(() => console.log("in the other window"));
  const log = await rig.event("console.log", "in the other window");
  assert.equal(log.source.metadata.window_id, `${windowId}`);
  await page.close();
});

test("a window that gets the focus is recorded", async () => {
  const windows = await (await rig.worker()).evaluate(async () =>
    (await chrome.windows.getAll()).map(({ id }) => `${id}`),
  );
  const events = await rig.until("type:window.focused", (found) =>
    found.some(({ data }) => /** @type {any} */ (data).focused),
  );
  const focused = events.find(({ data }) => /** @type {any} */ (data).focused);
  assert.ok(windows.includes(focused?.source.metadata?.window_id ?? ""), JSON.stringify(focused));
});

test("a tab that the browser discards gets another id, and both are recorded", async () => {
  const worker = await rig.worker();
  const page = await rig.open("/page?discarded");
  await rig.event("page.settled", "discarded");
  const [before, after] = await worker.evaluate(async () => {
    const [tab] = (await chrome.tabs.query({})).filter(({ url }) => url?.includes("discarded"));
    // The tab that is shown cannot be discarded.
    await chrome.tabs.create({ url: "about:blank" });
    return [Number(tab?.id), Number((await chrome.tabs.discard(Number(tab?.id)))?.id)];
  });
  assert.notEqual(after, before);
  const replaced = await rig.event("tab.replaced", "discarded");
  assert.equal(replaced.source.metadata.tab_id, `${after}`);
  assert.deepEqual(replaced.data, { replaced_tab_id: before });
  // Shown again it is loaded anew, under the id it has now.
  await worker.evaluate((tab) => chrome.tabs.update(tab, { active: true }), after);
  const events = await rig.until("type:page.navigation_committed", (found) =>
    found.some(({ source, url }) => source.metadata?.tab_id === `${after}` && url?.includes("discarded")),
  );
  assert.ok(events.length > 0);
  await page.close();
});
