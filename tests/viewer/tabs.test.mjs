/** Tabs by name in the list, and the tab picker, from a real recording. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { violations } from "./axe.mjs";
import { until } from "./browser.mjs";
import { bundled } from "./bundled.mjs";

/** @type {typeof import("../../www/src/data/tabs.ts")} */
const { TabNames, longName, shortName } = await bundled("data/tabs.ts");

/** @param {string} title @param {string} text */
const titled = (title, text) =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title><script>console.log("${text}")</script><body>`;

const rig = await sharedRig({
  pages: { "/cart": titled("Cart of Ann", "from the cart"), "/help": titled("", "from the help") },
});
await rig.open("/cart");
await rig.open("/help", rig.site.otherOrigin);
await rig.event("page.settled", "/cart");
await rig.event("page.settled", "/help");
await rig.flushed();
const page = await rig.context.newPage();
await page.setViewportSize({ width: 1280, height: 800 });
await page.goto(await rig.collector.link());
/** @param {string} text */
const row = (text) => page.locator(".row", { hasText: text });
await row("from the help").waitFor();

const picker = () => page.getByRole("dialog", { name: "Choose tabs" });
const openPicker = () => page.getByRole("button", { name: /^Tabs:/ }).click();

test("a row names its tab by the title, and by the path of a page without one", async () => {
  const tab = (/** @type {string} */ text) => row(text).locator(".row-tab");
  await until(
    () => tab("from the cart").innerText(),
    (name) => name.trim() === "Cart of Ann",
    "the tab's name",
  );
  assert.equal((await tab("from the help").innerText()).trim(), "/help");
  assert.match(
    String(await tab("from the help").getAttribute("title")),
    new RegExp(`^localhost:${rig.site.port}/help · tab \\d+$`),
  );
  const colours = await Promise.all(
    ["from the cart", "from the help"].map((text) =>
      tab(text)
        .locator(".tab-dot")
        .evaluate((dot) => getComputedStyle(dot).backgroundColor),
    ),
  );
  assert.notEqual(colours[0], colours[1]);
});

test("the picker lists the tabs with their site, port and number of records, and filters by them", async () => {
  await openPicker();
  const help = picker().getByRole("button", { name: /\/help/ });
  assert.match(await help.innerText(), new RegExp(`/help\\s+\\d+\\s+localhost:${rig.site.port}/help`));
  const records = Number(/\/help\s+(\d+)/.exec(await help.innerText())?.[1]);
  await page.screenshot({ path: dist("test", "tabs-picker.png") });
  await help.click();
  await row("from the cart").waitFor({ state: "detached" });
  await until(
    () => page.locator(".status-line").innerText(),
    (text) => Number(/(\d+) of/.exec(text)?.[1]) >= records,
    "the records of the tab",
  );
  await picker()
    .getByRole("button", { name: /Cart of Ann/ })
    .waitFor();
  await page.keyboard.press("Escape");
  assert.match(await page.getByRole("button", { name: /^Tabs:/ }).innerText(), /\/help/);
  assert.match(String(new URL(page.url()).searchParams.get("q")), /^tab:\d+$/);
  await openPicker();
  await picker().getByRole("button", { name: "All tabs" }).click();
  await row("from the cart").waitFor();
  await page.keyboard.press("Escape");
});

for (const theme of ["light", "dark"]) {
  test(`axe finds no violation in the tab picker, ${theme}`, async () => {
    await page.emulateMedia({ colorScheme: /** @type {"light" | "dark"} */ (theme) });
    await openPicker();
    await picker().waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await picker().waitFor({ state: "detached" });
  });
}

/** @param {string} type @param {Record<string, unknown>} data @param {string} [url] @param {string} [frame_id] */
const event = (type, data, url, frame_id = "0") => ({
  ts: 1,
  type,
  category: /** @type {string} */ (type.split(".")[0]),
  detail_level: /** @type {const} */ ("standard"),
  source: { kind: /** @type {const} */ ("extension"), event: type, metadata: { tab_id: "7", frame_id } },
  ...(url === undefined ? {} : { url }),
  data,
});

test("a tab has the name of its last page, whatever its frames and older records say", () => {
  const tabs = new TabNames();
  const name = () => tabs.find(0, 7);
  tabs.learn(0, 7, event("tab.updated", { title: "Old", url: "http://a.test:81/old" }), false);
  tabs.learn(0, 7, event("page.navigation_committed", {}, "http://a.test:82/new?x=1"), false);
  assert.equal(shortName(name(), 7), "/new");
  assert.equal(longName(name(), 7), "a.test:82/new · tab 7");
  tabs.learn(0, 7, event("tab.updated", { title: "a.test:82/new" }), false);
  assert.equal(shortName(name(), 7), "/new", "a loading page's title is its address");
  tabs.learn(0, 7, event("page.navigation_committed", {}, "http://ads.test/frame", "3"), false);
  tabs.learn(0, 7, event("page.navigation_committed", {}, "http://a.test/older"), true);
  assert.equal(longName(name(), 7), "a.test:82/new · tab 7");
  tabs.learn(0, 7, event("tab.updated", { title: "New" }), false);
  assert.equal(shortName(name(), 7), "New");
  assert.equal(shortName(undefined, 1234567), "…4567");
});

test("a tab has the address of its lines while nothing else of it was read", () => {
  const tabs = new TabNames();
  const line = (/** @type {string} */ url, frame = "0") => {
    const said = event("console.log", {}, url, frame);
    return { ...said, source: { ...said.source, metadata: { ...said.source.metadata, document_id: "D" } } };
  };
  tabs.learn(0, 7, line("http://a.test/frame", "3"), false);
  assert.equal(longName(tabs.find(0, 7), 7), "tab 7");
  tabs.learn(0, 7, line("http://a.test/one"), false);
  tabs.learn(0, 7, line("http://a.test/two"), false);
  assert.equal(longName(tabs.find(0, 7), 7), "a.test/two · tab 7");
  tabs.learn(0, 7, event("page.navigation_committed", {}, "http://a.test/three"), true);
  tabs.learn(0, 7, line("http://a.test/two"), false);
  assert.equal(longName(tabs.find(0, 7), 7), "a.test/three · tab 7");
});
