/** The side panel in a real browser: it shows the events of the active tab. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { violations } from "./axe.mjs";
import { until } from "./browser.mjs";

const page = (/** @type {string} */ word) =>
  /** @type {import("../e2e/fixtures/pages.mjs").Handler} */ (
    (_, response) =>
      response
        .writeHead(200, { "content-type": "text/html" })
        .end(`<!doctype html><script>setInterval(() => console.log("${word}"), 100)</script>`)
  );

const rig = await sharedRig({
  pages: { "/one": page("of the first tab"), "/two": page("of the second tab") },
});

test("the panel follows the active tab", async () => {
  const one = await rig.open("/one");
  const two = await rig.open("/two");
  const tabs = await (await rig.worker()).evaluate(() => chrome.tabs.query({}));
  const idOf = (/** @type {string} */ path) => tabs.find((tab) => tab.url?.endsWith(path))?.id;
  // A page in a tab is itself in front: it gets the tab that a panel next to it would see.
  const panel = await rig.context.newPage();
  /** @type {string[]} */
  const errors = [];
  panel.on("pageerror", (error) => errors.push(error.message));
  await panel.addInitScript(
    (ids) => {
      const query = chrome.tabs.query.bind(chrome.tabs);
      /** @type {any} */ (window).inFront = ids.one;
      /** @type {any} */ (chrome.tabs).query = async (/** @type {chrome.tabs.QueryInfo} */ what) =>
        what.currentWindow ? [{ id: /** @type {any} */ (window).inFront }] : query(what);
    },
    { one: idOf("/one") },
  );
  await panel.goto(`${rig.extensionOrigin}/panel.html`);
  const texts = () => panel.locator(".row-text").allInnerTexts();
  await until(texts, (all) => all.some((text) => text.includes("of the first tab")), "the first tab's rows");
  assert.ok(!(await texts()).some((text) => text.includes("of the second tab")));
  assert.deepEqual(await violations(panel), []);

  await panel.evaluate((id) => {
    /** @type {any} */ (window).inFront = id;
  }, idOf("/two"));
  await two.bringToFront();
  await one.close();
  await until(
    texts,
    (all) => all.some((text) => text.includes("of the second tab")),
    "the second tab's rows",
  );
  assert.ok(!(await texts()).some((text) => text.includes("of the first tab")));
  assert.deepEqual(errors, []);
});
