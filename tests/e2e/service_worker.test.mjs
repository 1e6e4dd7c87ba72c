/** A service worker under deep capture: each of its tabs has a session of it, and its events are recorded once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  preconfiguration: { debugger_all_tabs: true },
  pages: {
    "/page": scripted(`
      navigator.serviceWorker.register("/service.js");
      globalThis.ask = async (what) => {
        const { active } = await navigator.serviceWorker.ready;
        return new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = ({ data }) => resolve(data);
          active.postMessage(what, [port2]);
        });
      };`),
    "/data": (_, response) => response.writeHead(200).end("data"),
    "/service.js": (_, response) =>
      response.writeHead(200, { "content-type": "text/javascript" }).end(`
        addEventListener("activate", (event) => event.waitUntil(clients.claim()));
        addEventListener("fetch", (event) => {
          if (event.request.url.includes("answered")) event.respondWith(new Response("from the worker"));
        });
        addEventListener("message", async ({ data, ports: [port] }) => {
          console.log("said", data);
          await fetch("/data?" + data);
          port.postMessage(data);
        });`),
  },
});

/** @param {string} query */
async function attachedPage(query) {
  const page = await rig.open(`/page?${query}`);
  const { source } = await rig.event("page.settled", `/page?${query}`);
  const tabId = Number(source.metadata.tab_id);
  const attached = async () => (await rig.command({ command: "status" })).debugger.tab_ids.includes(tabId);
  await rig.poll("the tab to be attached to", attached);
  return page;
}

/** Asks the worker to log and to fetch. @param {import("playwright-core").Page} page @param {string} what */
const ask = (page, what) => page.evaluate((said) => /** @type {any} */ (globalThis).ask(said), what);

/** How often each kind of event about `what` was recorded. @param {string} what */
async function recorded(what) {
  await rig.event("console.log", what);
  await rig.event("network.response", `/data?${what}`);
  // A step of webRequest that waits for the protocol's record is in there until it is published or dropped.
  await rig.poll("nothing to be held", async () =>
    (await rig.worker()).evaluate(async () => {
      const names = Object.keys(await chrome.storage.session.get(null));
      return !names.some((name) => name.startsWith("tabtape_held:"));
    }),
  );
  await rig.flushed();
  const lines = await rig.collector.events("type:console.log");
  const requests = await rig.collector.events(`category:network url:*/data?${what}`);
  return {
    lines: lines.filter(({ data }) => JSON.stringify(data).includes(what)).length,
    requests: requests.map(({ type }) => type),
  };
}

const ONCE = { lines: 1, requests: ["network.request", "network.response"] };

test("what a service worker says and fetches is recorded once, with three of its tabs attached", async () => {
  const first = await attachedPage("first");
  await rig.poll("the worker to be reported", async () => {
    await ask(first, "polled");
    return (await rig.collector.events("type:console.log")).length > 0;
  });
  await ask(first, "early");
  const second = await attachedPage("second");
  await attachedPage("third");
  await ask(second, "with-three");
  assert.deepEqual(await recorded("with-three"), ONCE);
  assert.deepEqual(await recorded("early"), ONCE);

  // Another tab's session reports after the first one's has ended, and does not repeat its lines.
  await first.close();
  await rig.event("system.debugger_detached", "target_closed");
  await rig.poll("another session to report", async () => {
    await ask(second, "again");
    return (await rig.collector.events("type:console.log")).some(({ data }) =>
      JSON.stringify(data).includes("again"),
    );
  });
  await ask(second, "after-first");
  assert.deepEqual(await recorded("after-first"), ONCE);
  assert.deepEqual(await recorded("with-three"), ONCE);
});

test("what a service worker answers is not from the cache", async () => {
  const page = await attachedPage("answered-page");
  await rig.poll("the worker to control the page", () =>
    page.evaluate(() => navigator.serviceWorker.controller !== null),
  );
  await page.evaluate(() => fetch("/data?answered").then((response) => response.text()));
  const { data } = await rig.event("network.response", "/data?answered");
  assert.deepEqual([data.from_service_worker, data.from_cache], [true, false]);
});
