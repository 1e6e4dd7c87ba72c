/** The ends of the detail ladder: at each, everything that is recorded is as docs/events.md says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { undocumented } from "./fixtures/reference.mjs";
import { startRig } from "./fixtures/rig.mjs";

const PAGES = {
  "/page": `<!doctype html><title>ladder</title><button id="go">Go</button><form action="/page"><input name="q"><button>Send</button></form>
    <img src="/missing.png"><iframe src="/inner"></iframe><script>history.pushState({}, "", "/page?pushed")</script>`,
  "/inner": scripted(`console.log("inner", { a: 1 })`),
  "/data": scripted(""),
  "/hop": (/** @type {any} */ _, /** @type {import("node:http").ServerResponse} */ response) =>
    void response.writeHead(302, { location: "/data" }).end(),
  "/reset": (/** @type {import("node:http").IncomingMessage} */ request) => void request.socket.destroy(),
};
/** Fields that must be there at either level. */
const TYPES = [
  ...["network.request", "network.response", "network.redirect", "network.failed"],
  ...[
    "page.navigation_started",
    "page.navigation_committed",
    "page.navigation_loaded",
    "page.history_updated",
  ],
  ...["page.settled", "page.visibility", "page.resource_failed"],
  ...[
    "tab.created",
    "tab.updated",
    "tab.activated",
    "tab.moved",
    "tab.detached",
    "tab.attached",
    "tab.removed",
  ],
  ...["window.created", "window.focused", "window.removed"],
  ...["input.click", "input.key", "input.change", "input.submit"],
];
/** Types whose payload at raw is the producer's own, and a field of it that is not ours. */
const OWN_PAYLOAD = {
  "tab.moved": "fromIndex",
  "tab.detached": "oldPosition",
  "tab.attached": "newPosition",
  "tab.activated": "windowId",
  "tab.removed": "isWindowClosing",
  "window.focused": "windowId",
  "window.removed": "windowId",
  "network.request": "requestId",
  "network.failed": "requestId",
  "page.navigation_committed": "transitionType",
};

/** A page does what a person does, and its tab and window what becomes of them. @param {import("./fixtures/rig.mjs").Rig} rig */
async function happen(rig) {
  const page = await rig.open("/page");
  await page.click("#go");
  await page.fill("input", "");
  await page.type("input", "abc");
  await page.press("input", "Tab");
  await page.evaluate(() => Promise.all(["/hop", "/reset"].map((path) => fetch(path).catch(() => {}))));
  await page.click("form button");
  await rig.until("type:page.settled", (events) => events.length > 0);
  const worker = await rig.worker();
  await worker.evaluate(async (url) => {
    const tab = await chrome.tabs.create({ url });
    const id = Number(tab.id);
    await chrome.tabs.move(id, { index: 0 });
    const window = await chrome.windows.create({ url });
    const windowId = Number(window?.id);
    await chrome.tabs.move(id, { windowId, index: 0 });
    for (const { id: other } of await chrome.windows.getAll())
      await chrome.windows.update(Number(other), { focused: true });
    await chrome.windows.remove(windowId);
  }, `${rig.site.origin}/data`);
  await page.close();
}

for (const level of /** @type {const} */ (["minimal", "raw"])) {
  test(`everything recorded at ${level} is in the reference`, async () => {
    const at = { detail_level: level };
    const categories = { console: at, page: at, tab: at, interaction: at, network: at };
    const rig = await startRig({ pages: PAGES, capture: { categories } });
    try {
      await happen(rig);
      const events = await rig.until("", (all) => {
        const types = new Set(all.map(({ type }) => type));
        return TYPES.every((type) => types.has(type));
      });
      assert.deepEqual(undocumented(events), []);
      const others = events.filter(
        ({ category, detail_level }) => category !== "system" && detail_level !== level,
      );
      assert.deepEqual(
        others.map(({ type }) => type),
        [],
      );
      if (level !== "raw") return;
      for (const [type, field] of Object.entries(OWN_PAYLOAD)) {
        const event = events.find((one) => one.type === type);
        assert.ok(Object.hasOwn(Object(event?.data), field), `${type}: ${JSON.stringify(event?.data)}`);
      }
    } finally {
      await rig.close();
    }
  });
}
