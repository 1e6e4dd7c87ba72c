/** Repeats, console groups and routine messages in folds, and the styles of `%c`, from a real recording. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { scripted } from "../e2e/fixtures/pages.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { violations } from "./axe.mjs";
import { filterBy, until } from "./browser.mjs";
import { bundled } from "./bundled.mjs";
import { numbers } from "./tape.mjs";

/** @type {typeof import("../../www/src/folds.ts")} */
const { Folds } = await bundled("folds.ts");
/** @type {typeof import("../../www/src/list/styled.ts")} */
const { styledParts } = await bundled("list/styled.ts");
/** @type {typeof import("../../www/src/data/fold.ts")} */
const { foldKey, packNest, TextNumbers } = await bundled("data/fold.ts");

const PAGE = scripted(`
  for (let i = 0; i < 4; i++) console.log("tick");
  console.log("%cSHOP%c is ready for %s",
    "color: #e00; font-weight: bold; position: fixed; background: url(/stolen.png)", "", "sale", { open: true });
  console.groupCollapsed("closed group");
  console.log("inside closed");
  console.group("inner group");
  console.log("inside inner");
  console.groupEnd();
  console.groupEnd();
  console.group("open group");
  console.log("inside open");
  console.groupEnd();
  console.log("cart", { a: { b: { c: 1 } } });
  setTimeout(() => { history.pushState({}, "", "/cart?step=2"); console.log("moved"); }, 0);
`);

/** @type {string[]} */
const requested = [];
const rig = await sharedRig({ pages: { "/market": PAGE } });
await rig.open("/market");
await rig.event("console.log", "moved");
await rig.until("type:page.history_updated", (events) => events.length > 0);
const page = await rig.context.newPage();
page.on("request", (request) => requested.push(request.url()));
await page.setViewportSize({ width: 1280, height: 800 });
await page.goto(await rig.collector.link("?q=category:console,page"));
/** @param {string} text */
const row = (text) => page.locator(".row", { has: page.locator(".row-text", { hasText: text }) });
await row("moved").waitFor();

/** @param {string} text @param {number} n */
const counted = (text, n) =>
  until(
    () => row(text).count(),
    (now) => now === n,
    `rows with ${text}`,
  );

test("repeated lines are one row with their number, and open into each", async () => {
  await counted("tick", 1);
  assert.match(await row("tick").innerText(), /×4/);
  await row("tick").click();
  await page.keyboard.press("ArrowRight");
  await counted("tick", 4);
  await page.keyboard.press("ArrowLeft");
  await counted("tick", 1);
  await row("tick").locator("[data-fold]").click();
  await counted("tick", 4);
  await row("tick").first().locator("[data-fold]").click();
  await counted("tick", 1);
});

test("a group that the page has closed is closed, and its row opens it", async () => {
  await counted("inside open", 1);
  await counted("inside", 2);
  assert.match(await row("closed group").innerText(), /5 inside/);
  await row("closed group").locator("[data-fold]").click();
  await counted("inside closed", 1);
  await row("inner group").locator("[data-fold]").click();
  await counted("inside inner", 0);
  await row("closed group").locator("[data-fold]").click();
  await counted("inner group", 0);
});

test("all records are rows when folding is off", async () => {
  await page.keyboard.press("f");
  await counted("tick", 4);
  await counted("inside inner", 1);
  await page.keyboard.press("f");
  await counted("tick", 1);
});

test("a record in a fold is reached by its address, and its row is the selected one", async () => {
  await page.keyboard.press("f");
  await row("tick").nth(2).click();
  await page.keyboard.press("f");
  await counted("tick", 1);
  await page.locator(".row.selected", { hasText: "tick" }).waitFor();
  await page.locator(".pane .message", { hasText: "tick" }).waitFor();
});

test("colour and weight of %c are shown, and nothing else of it", async () => {
  await row("SHOP").click();
  for (const part of [row("SHOP"), page.locator(".pane .message")].map((at) =>
    at.getByText("SHOP", { exact: true }),
  )) {
    const style = await part.evaluate((element) => {
      const { color, fontWeight, position, backgroundImage } = getComputedStyle(element);
      return { color, fontWeight, position, backgroundImage };
    });
    assert.match(style.color, /^rgb\((1[5-9]\d|2\d\d), \d{1,2}, \d{1,2}\)$/);
    assert.deepEqual(
      { ...style, color: "" },
      { color: "", fontWeight: "700", position: "static", backgroundImage: "none" },
    );
  }
  assert.match(await row("SHOP").innerText(), /SHOP is ready for sale/);
  assert.deepEqual(
    requested.filter((url) => url.includes("stolen")),
    [],
  );
});

test("an object opens in the details to the recorded depth", async () => {
  await row("cart {").click();
  const values = page.locator(".pane .part", { hasText: "Value" });
  await values.getByRole("button", { expanded: false }).first().click();
  await values.locator(".json-number", { hasText: "1" }).waitFor();
});

test("a route change is one row with its path", async () => {
  const route = row("route →");
  await route.first().waitFor();
  assert.match(await route.first().innerText(), /\/cart\?step=2/);
  await filterBy(page, "category:page,tab");
  await route.first().waitFor();
  await page.screenshot({ path: dist("test", "folds-routes.png") });
  await filterBy(page, "category:console,page");
  await row("moved").waitFor();
});

for (const theme of ["light", "dark"]) {
  test(`axe finds no violation in folds and styles, ${theme}`, async () => {
    await page.emulateMedia({ colorScheme: /** @type {"light" | "dark"} */ (theme) });
    await row("SHOP").click();
    await page.keyboard.press("Escape");
    assert.deepEqual(await violations(page), []);
    await page.screenshot({ path: dist("test", `folds-${theme}.png`) });
  });
}

/** The feed that each folds is given: it is folded anew from its beginning if that is another one. */
const feeds = new WeakMap();

function newFeed() {
  /** @type {any[]} */
  const records = [];
  return {
    records,
    head: { length: 0 },
    groupRows: 0,
    ts(/** @type {number} */ i) {
      return this.records[i]?.ts ?? i;
    },
    foldKey(/** @type {number} */ i) {
      return this.records[i]?.key ?? 0;
    },
    nest(/** @type {number} */ i) {
      return this.records[i]?.nest ?? 0;
    },
    name: (/** @type {number} */ i) => String(i),
    request(/** @type {number} */ i) {
      return this.records[i]?.request ?? 0;
    },
    endsRequest(/** @type {number} */ i) {
      return this.records[i]?.ends ?? false;
    },
    isRoute(/** @type {number} */ i) {
      return this.records[i]?.route ?? false;
    },
  };
}

/** @param {{ key?: number, nest?: number, ts?: number, route?: boolean, request?: number, ends?: boolean }[]} records @param {{ toggled?: string[], isOn?: boolean, folds?: InstanceType<typeof Folds>, unchanged?: number, folding?: import("../../www/src/folds.ts").Folding }} [options] */
function folded(
  records,
  { toggled = [], isOn = true, folds = new Folds(), unchanged = 0, folding = undefined } = {},
) {
  const feed = feeds.get(folds) ?? newFeed();
  feeds.set(folds, feed);
  feed.records = records;
  feed.groupRows = records.some(({ nest = 0 }) => (nest & 3) !== 0) ? 1 : 0;
  const rows = {
    length: records.length,
    feedRow: (/** @type {number} */ i) => i,
    viewRow: (/** @type {number} */ i) => (i < records.length ? i : -1),
  };
  return folds.update(rows, feed, null, unchanged, folding ?? { isOn, toggled: new Set(toggled) });
}

/** @param {import("../../www/src/folds.ts").FoldedRows} rows */
const shape = (rows) =>
  Array.from({ length: rows.length }, (_, i) => [rows.feedRow(i), rows.sizeOf(i), rows.kindOf(i)]);

test("a run ends at another key, and a route change is shown by its address", () => {
  const rows = folded([
    { key: 7 },
    { key: 7 },
    {},
    { key: 7 },
    { key: -3 },
    { key: -3, route: true },
    { key: -3 },
  ]);
  assert.deepEqual(shape(rows), [
    [0, 2, "run"],
    [2, 1, "none"],
    [3, 1, "none"],
    [5, 3, "run"],
  ]);
  assert.equal(rows.records, 7);
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(rows.viewRow), [0, 0, 1, 2, 3, 3, 3]);
  assert.equal(rows.viewRow(7), -1);
});

test("the records of a request are one row where it began, which shows how it has ended", () => {
  const records = [
    { request: 5 },
    {},
    { request: 5, ts: 2 },
    { request: 6, ts: 3 },
    { request: 5, ends: true, ts: 4 },
    { request: 5, ts: 5 },
    { request: 6, ends: true, ts: 11e6 },
  ];
  assert.deepEqual(shape(folded(records)), [
    [4, 4, "request"],
    [1, 1, "none"],
    [3, 1, "none"],
    [6, 1, "none"],
  ]);
  const open = folded(records, { toggled: ["0"] });
  assert.equal(open.length, records.length);
  assert.deepEqual([open.kindOf(0), open.isOpen(0), open.foldRow(0)], ["request", true, 0]);
});

test("messages of a tab that are seconds apart are not folded", () => {
  assert.equal(
    folded([
      { key: -3, ts: 0 },
      { key: -3, ts: 3e6 },
    ]).length,
    2,
  );
  assert.equal(
    folded([
      { key: 3, ts: 0 },
      { key: 3, ts: 3e6 },
    ]).length,
    1,
  );
});

test("rows that are folded as they come are the same as rows that are folded at once", () => {
  const random = numbers(5);
  /** @type {{ key: number, request: number, ends: boolean }[]} */
  const records = [];
  const folds = new Folds();
  const folding = { isOn: true, toggled: new Set(["3"]) };
  for (let round = 0; round < 300; round++) {
    const unchanged = Math.max(0, records.length - Math.floor(random() * 4));
    records.length = unchanged;
    for (let i = Math.floor(random() * 8); i >= 0; i--) {
      const request = Math.max(0, Math.floor(random() * 9) - 4);
      records.push({ key: Math.floor(random() * 3), request, ends: random() < 0.5 });
    }
    const grown = folded(records, { folds, unchanged, folding });
    const fresh = folded(records, { folding });
    assert.deepEqual(shape(grown), shape(fresh));
    assert.deepEqual(
      records.map((_, i) => grown.viewRow(i)),
      records.map((_, i) => fresh.viewRow(i)),
    );
  }
});

test("what is folded: the same line of the same place, not its time", () => {
  const source = {
    kind: /** @type {const} */ ("extension"),
    event: "console.log",
    metadata: { tab_id: "1" },
  };
  const texts = new TextNumbers();
  /** @param {number} ts @param {string} text @param {object} [more] */
  const keyOf = (ts, text, more = {}) => {
    const event = {
      ts,
      type: "console.log",
      category: "console",
      detail_level: /** @type {const} */ ("standard"),
      source,
      data: { text, ...more },
    };
    return foldKey(0, event, JSON.stringify({ capture_session_id: "s", seq: ts, event }), texts);
  };
  assert.equal(keyOf(1, "a"), keyOf(2, "a"));
  assert.notEqual(keyOf(1, "a"), keyOf(1, "b"));
  assert.equal(keyOf(1, "a", { exception: 1 }), keyOf(2, "a", { exception: 2 }));
  assert.equal(keyOf(1, "a", { rejection: 1 }), keyOf(2, "a", { rejection: 12 }));
});

test("events of about:blank are folded by tab, and other events of a page are not", () => {
  /** @param {string} type @param {string} url @param {string} tab_id */
  const keyOf = (type, url, tab_id) =>
    foldKey(
      0,
      {
        ts: 1,
        type,
        category: "page",
        detail_level: "standard",
        source: { kind: "extension", event: type, metadata: { tab_id } },
        url,
      },
      "",
      new TextNumbers(),
    );
  const blank = keyOf("page.navigation_committed", "about:blank", "1");
  assert.ok(blank < 0);
  assert.equal(keyOf("page.navigation_loaded", "about:blank", "1"), blank);
  assert.notEqual(keyOf("page.navigation_loaded", "about:blank", "2"), blank);
  assert.equal(keyOf("page.navigation_loaded", "http://a.test/", "1"), 0);
});

test("console lines of another document are not hidden by a closed group", () => {
  /** @param {string} type @param {number} document @param {number} group_depth */
  const nest = (type, document, group_depth) =>
    packNest(document, /** @type {any} */ ({ type: `console.${type}`, data: { group_depth } }));
  const rows = folded([
    { nest: nest("group_collapsed", 1, 0) },
    { nest: nest("log", 2, 0) },
    { nest: nest("log", 1, 1) },
    { nest: nest("group_end", 1, 0) },
    { nest: nest("log", 1, 0) },
  ]);
  assert.deepEqual(shape(rows), [
    [0, 3, "group"],
    [1, 1, "none"],
    [4, 1, "none"],
  ]);
});

test("styles begin where the format says, and a text that does not follow its format has none", () => {
  assert.deepEqual(styledParts("a 5 b%", ["%ca %d%c b%%", "x", 5, "y"]), [
    { text: "a 5", css: "x" },
    { text: " b%", css: "y" },
  ]);
  assert.deepEqual(styledParts("bold rest", ["%cbold", "b", "rest"]), [
    { text: "bold", css: "b" },
    { text: " rest", css: "" },
  ]);
  assert.equal(styledParts("[redacted:1]", ["%csecret", "b"]), null);
  assert.equal(styledParts("plain", ["plain"]), null);
});
