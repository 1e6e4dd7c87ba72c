/** Tabs, windows and navigations, computed idleness, and what a page's own router does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    "/plain": scripted(""),
    "/next": scripted(""),
    "/app": scripted(
      `history.pushState({}, "", "/app/one"); setTimeout(() => console.log("on one"), 200); setTimeout(() => { location.hash = "part"; }, 600)`,
    ),
    "/busy": scripted(`
      let left = 6; const again = () => fetch("/slow-tick").then(() => --left > 0 && again()); again();`),
    "/slow-tick": (_, response) => void setTimeout(() => response.writeHead(200).end("t"), 110),
    "/tick": (_, response) => response.writeHead(200).end("t"),
    "/endless": scripted(`fetch("/never")`),
    "/never": () => {},
    "/framed": scripted(
      `const frame = document.createElement("iframe"); frame.src = "/plain"; document.documentElement.append(frame)`,
    ),
  },
});

/** @param {string} q @param {number} count */
const named = async (q, count) =>
  (await rig.until(q, (events) => events.length >= count)).map(({ type }) => type);

test("a navigation is recorded from its start to its load, under one navigation id", async () => {
  const page = await rig.open("/plain");
  const types = await named("url:*/plain type:page.navigation_*", 4);
  assert.deepEqual(types, [
    "page.navigation_started",
    "page.navigation_committed",
    "page.navigation_dom_content_loaded",
    "page.navigation_loaded",
  ]);
  const events = await rig.collector.events("url:*/plain type:page.navigation_*");
  assert.equal(new Set(events.map(({ source }) => source.metadata?.navigation_id)).size, 1);
  assert.equal(/** @type {any} */ (events[1])?.data.transition, "typed");
  await page.close();
});

test("a tab is recorded from its creation to its end, with the page it showed", async () => {
  const page = await rig.open("/next");
  await rig.event("page.settled", "/next");
  await page.close();
  const removed = await rig.event("tab.removed", "/next");
  const { tab_id: tabId } = removed.source.metadata;
  const types = (await rig.collector.events(`tab:${tabId} category:tab`)).map(({ type }) => type);
  assert.equal(types[0], "tab.created");
  assert.ok(types.includes("tab.activated") && types.includes("tab.updated"), `${types}`);
  assert.equal(types.at(-1), "tab.removed");
});

test("a window is recorded when it opens and closes", async () => {
  const worker = await rig.worker();
  const id = await worker.evaluate(
    async (url) => (await chrome.windows.create({ url }))?.id,
    `${rig.site.origin}/plain`,
  );
  await worker.evaluate((windowId) => chrome.windows.remove(/** @type {number} */ (windowId)), id);
  const removed = await rig.until("type:window.removed", (events) =>
    events.some(({ source }) => source.metadata?.window_id === `${id}`),
  );
  assert.ok(removed.length > 0);
  await rig.until("type:window.created", (events) =>
    events.some(({ source }) => source.metadata?.window_id === `${id}`),
  );
});

test("a failed navigation is recorded with the browser's own name for the reason", async () => {
  const page = await rig.context.newPage();
  await page.goto("http://127.0.0.1:1/refused").catch(() => {});
  const event = await rig.event("page.navigation_failed", ":1/refused");
  assert.match(event.data.error, /^net::ERR_/);
  await page.close();
});

test("a single-page application's moves are recorded, and its later events carry the new address", async () => {
  const page = await rig.open("/app");
  const moved = await rig.event("page.history_updated", "/app/one");
  assert.equal(moved.data.kind, "state");
  const log = await rig.event("console.log", "on one");
  assert.equal(log.url, `${rig.site.origin}/app/one`);
  const fragment = await rig.event("page.history_updated", "#part");
  assert.equal(fragment.data.kind, "fragment");
  await page.close();
});

test("an address of a megabyte is kept by its beginning, and what a next worker has to know stays small", async () => {
  const page = await rig.open("/plain?megabyte");
  await page.evaluate(() => history.pushState({}, "", `/plain?${"long".repeat(250_000)}`));
  await rig.event("page.history_updated", "longlong");
  await page.evaluate(() => console.log("at a long address"));
  const { url } = await rig.event("console.log", "at a long address");
  assert.equal(url?.length, 4_096);
  const mirrored = () =>
    rig
      .worker()
      .then((worker) =>
        worker.evaluate(async () => JSON.stringify(await chrome.storage.session.get("tabtape_documents"))),
      );
  await rig.poll("the mirror", async () => (await mirrored()).includes("longlong"));
  assert.ok((await mirrored()).length < 100_000);
  await page.close();
});

test("a page without a single request becomes idle and settled too", async () => {
  const page = await rig.context.newPage();
  await page.goto("data:text/html,<title>zero</title>");
  const events = await rig.until(
    "type:page.network_idle,page.settled url:data:*",
    (found) => found.length >= 2,
  );
  assert.deepEqual(
    events.map(({ type, data }) => [type, /** @type {any} */ (data).requests]),
    [
      ["page.network_idle", 0],
      ["page.settled", 0],
    ],
  );
  for (const { data } of events) assert.ok(/** @type {any} */ (data).after_ms >= 500);
  await page.close();
});

test("network idle and settled come once a navigation", async () => {
  const page = await rig.open("/plain?once");
  const { source } = await rig.event("page.network_idle", "/plain?once");
  await page.evaluate(() => fetch("/tick"));
  await page.waitForTimeout(900);
  // Events are stored in their order: once these are there, so are all that were sent before.
  await page.goto(`${rig.site.origin}/plain?after`);
  await rig.event("page.settled", "/plain?after");
  // The tab's first page may have been idle, too.
  const selector = `tab:${source.metadata.tab_id} type:page.network_idle,page.settled url:*/plain?once`;
  const types = (await rig.collector.events(selector)).map(({ type }) => type);
  assert.deepEqual(types, ["page.network_idle", "page.settled"]);
  await page.close();
});

test("network idle waits for the last of a chain of requests", async () => {
  const page = await rig.open("/busy");
  const { ts, data } = await rig.event("page.network_idle", "/busy");
  // The document's own and six more; the browser may ask for an icon as well.
  assert.ok(data.requests === 7 || data.requests === 8, `${data.requests}`);
  assert.ok(
    data.after_ms >= 6 * 100 + 500,
    `${data.after_ms} ms for a chain of six of 110 ms each, and quiet`,
  );
  const [last] = (
    await rig.until("type:network.response url:*/slow-tick", (events) => events.length >= 6)
  ).slice(-1);
  assert.ok(ts - (last?.ts ?? 0) >= 450_000, `${ts - (last?.ts ?? 0)} µs after the last response`);
  await page.close();
});

test("a page whose request never ends is never called idle", async () => {
  const page = await rig.open("/endless");
  await rig.event("page.navigation_loaded", "/endless");
  await page.waitForTimeout(1_200);
  assert.deepEqual(await rig.collector.events("type:page.network_idle,page.settled url:*/endless"), []);
  await page.close();
});

test("a frame's navigation names its parent", async () => {
  const page = await rig.open("/framed");
  const events = await rig.until("type:page.navigation_loaded url:*/plain", (found) =>
    found.some(({ source }) => source.metadata?.parent_frame_id === "0"),
  );
  const frame = events.find(({ source }) => source.metadata?.parent_frame_id === "0");
  assert.match(frame?.source.metadata?.parent_document_id ?? "", /./);
  await page.close();
});

test("what a document says after the worker died is of the same navigation, at the same address", async () => {
  const page = await rig.open("/app?lasting");
  const { source } = await rig.event("page.navigation_committed", "/app?lasting");
  await rig.event("page.history_updated", "/app/one#part");
  const framed = await rig.open("/framed?lasting");
  await rig.event("page.settled", "/framed?lasting");
  await rig.flushed();
  await page.waitForTimeout(500);
  await rig.killWorker();
  await page.evaluate(() => {
    console.log("said later");
    return fetch("/tick?later");
  });
  await framed.evaluate(() => {
    const frame = /** @type {any} */ (document.querySelector("iframe")).contentWindow;
    frame.console.log("said in a frame");
  });
  const log = await rig.event("console.log", "said later");
  assert.equal(log.source.metadata.navigation_id, source.metadata.navigation_id);
  assert.equal(log.source.metadata.document_id, source.metadata.document_id);
  assert.equal(log.url, `${rig.site.origin}/app/one#part`);
  const response = await rig.event("network.response", "/tick?later");
  assert.equal(response.source.metadata.navigation_id, source.metadata.navigation_id);
  const inFrame = await rig.event("console.log", "said in a frame");
  const own = await rig.until(`type:page.navigation_committed tab:${inFrame.source.metadata.tab_id}`, (all) =>
    all.some(({ source: { metadata } }) => metadata?.frame_id === inFrame.source.metadata.frame_id),
  );
  const committed = own.find(
    ({ source: { metadata } }) => metadata?.document_id === inFrame.source.metadata.document_id,
  );
  assert.equal(inFrame.source.metadata.navigation_id, committed?.source.metadata?.navigation_id);
  assert.equal(inFrame.source.metadata.parent_document_id, committed?.source.metadata?.parent_document_id);
  await page.close();
  await framed.close();
});

test("our own pages and the collector's are never recorded", async () => {
  const viewer = await rig.context.newPage();
  await viewer.goto(rig.collector.url).catch(() => {});
  await viewer.evaluate(() => console.log("in the viewer"));
  await (await rig.control()).evaluate(() => console.log("in the popup"));
  await rig.open("/next").then((page) => page.close());
  await rig.flushed();
  const records = await rig.collector.events("");
  const ours = records.filter(
    ({ url, data, category }) =>
      category !== "system" &&
      (url?.startsWith(rig.collector.url) ||
        url?.startsWith(rig.extensionOrigin ?? "") ||
        JSON.stringify(data).includes("in the ")),
  );
  assert.deepEqual(ours, []);
  await viewer.close();
});
