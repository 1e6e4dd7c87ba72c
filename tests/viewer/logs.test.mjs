/** The viewer, the popup and the side panel with no collector at all: they read the logs of the browser. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { scripted } from "../e2e/fixtures/pages.mjs";
import { Alone } from "./alone.mjs";
import { downloaded, exported, filterBy, shown, until } from "./browser.mjs";

const { har: validate } = createRequire(import.meta.url)("har-validator");

const SHOP = scripted(`
  console.log("the shelf is open", { books: 3 });
  function sell() { throw new TypeError("no such book"); }
  setTimeout(sell, 0);
  fetch("/missing").then((response) => response.text());
`);

/** @type {import("playwright-core").Page} */
let viewer;
const alone = await Alone.shared({ "/shop": SHOP, "/other": scripted(`console.log("the other page")`) });
const shop = await alone.visit("/shop");

const texts = () => viewer.locator(".row-text").allInnerTexts();
const holds = (/** @type {string} */ word) => (/** @type {string[]} */ all) =>
  all.some((text) => text.includes(word));

const filter = (/** @type {string} */ q) => filterBy(viewer, q);

test("the popup's “Open viewer” opens the extension's page when no collector answers", async () => {
  const popup = await alone.page("popup.html", shop);
  const [opened] = await Promise.all([
    alone.context.waitForEvent("page"),
    popup.getByRole("button", { name: "Open viewer" }).click(),
  ]);
  viewer = opened;
  alone.watch(viewer);
  await viewer.waitForURL(`${alone.origin}/viewer.html*`);
  await popup.close();
  await until(texts, holds("the shelf is open"), "rows");
  await until(texts, holds("no such book"), "rows");
});

test("events appear as they happen", async () => {
  await shop.evaluate(() => console.log("a customer came in"));
  await until(texts, holds("a customer came in"), "rows");
  assert.equal(await viewer.locator(".state").innerText(), "Live");
});

test("the Selector filters, and reports an unknown key", async () => {
  await filter("severity:error category:console");
  await until(texts, (all) => holds("no such book")(all) && !holds("customer")(all), "errors only");
  await filter("severity:loud");
  await viewer.getByRole("alert").filter({ hasText: "expected debug, info, warn, error" }).waitFor();
  await filter("status:404");
  await until(texts, holds("/missing"), "the failed request");
});

test("an error shows its stack, the records before it and its request", async () => {
  await filter("category:console");
  await until(texts, holds("customer"), "the console's rows");
  await viewer.locator(".row", { hasText: "no such book" }).first().click();
  await viewer
    .locator(".pane", { hasText: "sell" })
    .getByText(/shop:\d+:\d+/)
    .first()
    .waitFor();
  await viewer.getByRole("tab", { name: "Before this" }).click();
  await viewer.locator(".led-row", { hasText: "the shelf is open" }).waitFor();
  await viewer.keyboard.press("Escape");
  await filter("");
});

test("an export contains every seq once, and the popup's export the same lines", async () => {
  const popup = await alone.page("popup.html", shop);
  const { text: all } = await downloaded(popup, () => popup.getByRole("button", { name: "Export" }).click());
  await popup.close();
  const { text: mine } = await exported(viewer, /^NDJSON/);
  const lines = mine.split("\n").slice(0, -1);
  let seq = 0;
  for (const line of lines) {
    const record = JSON.parse(line);
    assert.equal(record.seq ?? record.gap.first_seq, seq + 1);
    seq = record.seq ?? record.gap.last_seq;
  }
  const both = all.split("\n").filter((line) => lines.includes(line));
  assert.ok(lines.length > 8);
  assert.equal(both.length, all.split("\n").length - 1, "nothing but this session's lines, as they are");
});

test("a HAR is valid without a collector, too, and has the body that the page reported", async () => {
  const har = JSON.parse((await exported(viewer, /^HAR/)).text);
  await validate(har);
  const { request, response } = har.log.entries.find((/** @type {any} */ entry) =>
    entry.request.url.endsWith("/missing"),
  );
  assert.deepEqual([request.method, response.status, response.statusText], ["GET", 404, "Not Found"]);
  assert.equal(response.content.text, "not found");
});

test("a new session begins in the popup, and all sessions are one list", async () => {
  const popup = await alone.page("popup.html", shop);
  await popup.getByRole("button", { name: "New session" }).click();
  await popup.getByRole("status").filter({ hasText: "A new session has begun" }).waitFor();
  await popup.close();
  await shop.evaluate(() => console.log("in the second session"));
  await viewer.getByRole("button", { name: "Open the newer session" }).click();
  await until(texts, (all) => holds("in the second session")(all) && !holds("customer")(all), "its rows");
  const second = await until(
    () => shown(viewer),
    (n) => n > 0,
    "its records",
  );
  await viewer.getByRole("button", { name: /^Session:/ }).click();
  await viewer.getByRole("dialog").locator(".session-open", { hasText: "All sessions" }).click();
  await until(texts, (all) => holds("in the second session")(all) && holds("customer")(all), "both sessions");
  assert.ok((await shown(viewer)) > second);
  await shop.evaluate(() => console.log("and it continues"));
  await until(texts, holds("and it continues"), "the newest");
  assert.match(viewer.url(), /session=all/);
});

test("the side panel reads the logs", async () => {
  const other = await alone.visit("/other");
  const panel = await alone.page("panel.html", other);
  const seen = () => panel.locator(".row-text").allInnerTexts();
  await until(seen, holds("the other page"), "the tab's rows");
  assert.ok(!holds("in the second session")(await seen()));
  await panel.close();
  await other.close();
});

test("a site that is forgotten leaves counted gaps, and nothing else", async () => {
  const other = await alone.visit("/other", alone.site.otherOrigin);
  await until(texts, holds("the other page"), "rows");
  const popup = await alone.page("popup.html", shop);
  const before = await stored(popup);
  await popup.getByRole("button", { name: "Forget this site" }).click();
  await popup.getByRole("button", { name: "Really forget?" }).click();
  await popup
    .getByRole("status")
    .filter({ hasText: /events of 127\.0\.0\.1:\d+ forgotten/ })
    .waitFor();
  // Without a reload: an open viewer must not continue showing what is forgotten.
  await until(texts, (all) => !holds("customer")(all), "rows without what is forgotten");
  await until(texts, holds("the other page"), "what was not forgotten");
  const { text: left } = await exported(viewer, /^NDJSON/);
  assert.ok(!left.includes(alone.site.origin), "nothing of the site");
  assert.ok(left.includes(alone.site.otherOrigin), "the other site is untouched");
  assert.match(left, /"category":"console","reason":"deleted"/);
  await filter("category:console");
  await viewer.locator(".row.gap", { hasText: "deleted by a person" }).first().waitFor();
  await until(
    () => stored(popup),
    (bytes) => bytes < before,
    "bytes stored",
  );
  await popup.close();
  await other.close();
});

/** Returns the stored bytes that the popup shows. @param {import("playwright-core").Page} popup */
async function stored(popup) {
  const text = await popup.getByText("stored in this browser").innerText();
  const [, size, unit] = /^([\d.]+) (B|kB|MB) /.exec(text) ?? [];
  return Number(size) * { B: 1, kB: 1e3, MB: 1e6 }[/** @type {"B" | "kB" | "MB"} */ (unit)];
}

test("records stay readable after recording has stopped", async () => {
  const popup = await alone.page("popup.html", shop);
  await popup.getByRole("button", { name: "Stop recording" }).click();
  await popup.getByText("Nothing is being recorded").waitFor();
  const [again] = await Promise.all([
    alone.context.waitForEvent("page"),
    popup.getByRole("button", { name: "Open viewer" }).click(),
  ]);
  alone.watch(again);
  await again.locator(".state", { hasText: "Session ended" }).waitFor();
  // Only the newest rows are drawn, and this one may be older.
  await filterBy(again, "category:console");
  await again.locator(".row", { hasText: "the other page" }).first().waitFor();
  await again.close();
});

test("no page of the extension breaks its policy or throws", () => {
  assert.deepEqual(alone.errors, []);
});
