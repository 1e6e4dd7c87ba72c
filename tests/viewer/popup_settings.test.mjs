/** The popup's settings, while recording and while not: each switch does what it says, and everybody can use it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { dist } from "../../scripts/lib/paths.mjs";
import { scripted } from "../e2e/fixtures/pages.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { seeInFront } from "./alone.mjs";
import { ANY, violations } from "./axe.mjs";
import { until } from "./browser.mjs";

const OTHER = "abcdefghijklmnopabcdefghijklmnop";

const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  preconfiguration: { approved_extensions: [OTHER] },
  pages: {
    "/page": scripted(`setTimeout(() => { throw new Error("broken") });`),
    "/data": (_, response) => response.writeHead(200).end("data"),
  },
});
const site = await rig.open("/page");
const tabId = Number((await rig.event("page.settled", "/page")).source.metadata.tab_id);
const popup = await rig.context.newPage();
await popup.setViewportSize({ width: 360, height: 600 });
await seeInFront(popup, site.url());
await popup.goto(`${rig.extensionOrigin}/popup.html`);

const toggle = (/** @type {string} */ name) => popup.getByRole("switch", { name, exact: true });
const status = () => rig.command({ command: "status" });

/** Returns the violations that axe finds in both color schemes. */
async function found() {
  const all = [];
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await popup.emulateMedia({ colorScheme });
    all.push(...(await violations(popup, ANY)).map((one) => `${colorScheme} ${one}`));
  }
  return all;
}

test("deep capture is turned on and off for this tab, and for all", async () => {
  await popup.getByText("More").click();
  await toggle("Deep capture of this tab").click();
  await rig.until(`type:system.debugger_attached tab:${tabId}`, (events) => events.length === 1);
  await popup.getByText("deep capture, 1 extension").waitFor();
  // Bodies are recorded only then.
  assert.equal((await status()).config.categories.network.detail_level, "verbose");
  await site.evaluate(() => fetch("/data").then((response) => response.text()));
  assert.equal((await rig.event("network.response", "/data")).source.kind, "cdp");
  await toggle("Deep capture of this tab").click();
  await rig.until(`type:system.debugger_detached tab:${tabId}`, (events) => events.length === 1);
  await toggle("Deep capture of all tabs").click();
  await until(status, ({ debugger: now }) => now.all_tabs && now.tab_ids.includes(tabId), "all tabs");
  await until(
    () => toggle("Deep capture of this tab").isDisabled(),
    (disabled) => disabled,
    "one of all",
  );
  await toggle("Deep capture of all tabs").click();
  await until(status, ({ debugger: now }) => !now.all_tabs && now.tab_ids.length === 0, "none");
});

test("screenshots of errors, and of clicks and navigations, are turned on and off", async () => {
  const choice = popup.getByRole("combobox", { name: "Screenshots at" });
  const isSet = (/** @type {boolean} */ onError, /** @type {boolean} */ onAction) =>
    until(
      status,
      (now) => now.screenshot_on_error === onError && now.screenshot_on_action === onAction,
      `errors ${onError}, actions ${onAction}`,
    );
  await choice.selectOption("errors");
  await isSet(true, false);
  await popup.getByText("screenshots, 1 extension").waitFor();
  await choice.selectOption("errors, clicks, pages");
  await isSet(true, true);
  await choice.selectOption("off");
  await isSet(false, false);
});

test("with everything open while recording, axe finds nothing and nothing is out of sight", async () => {
  assert.deepEqual(await found(), []);
  await popup.screenshot({ path: dist("test", "popup-open.png"), fullPage: true });
  // The browser makes a popup no higher.
  assert.ok(await popup.evaluate(() => document.body.scrollHeight <= document.body.clientHeight));
  await popup.getByText("Categories").click();
  assert.ok(await popup.evaluate(() => document.body.scrollHeight <= document.body.clientHeight));
  await popup.getByText("More").click();
});

test("an approved extension is removed", async () => {
  await popup.getByRole("button", { name: `Remove extension ${OTHER}` }).click();
  await until(status, (now) => now.approved_extensions.length === 0, "none approved");
  await popup.getByText("Extensions that may publish").waitFor({ state: "detached" });
  const removal = { patch: { approved_extensions: [] } };
  const isRemoval = (/** @type {{ data?: unknown }} */ { data }) => isDeepStrictEqual(data, removal);
  await rig.until("type:system.settings_changed", (events) => events.some(isRemoval));
});

test("errors and missing records are those of the session, also after the worker died", async () => {
  const number = async (/** @type {string} */ name) =>
    (await popup.locator(".numbers > div", { hasText: name }).locator("dd").innerText()).trim();
  const errors = async () => (await rig.collector.events("severity:error")).length;
  await rig.flushed();
  await rig.killWorker();
  await until(
    async () => [await number("Errors"), String(await errors()), (await status()).recorder?.errors],
    ([said, stored, sinceStart]) => said === stored && Number(said) > 0 && sinceStart === 0,
    "errors of the session",
  );
  await popup.locator('.numbers > div[title$="in this session"]', { hasText: "Missing" }).waitFor();
});

test("while nothing is recorded, collector and settings are shown and can be changed", async () => {
  await popup.getByRole("button", { name: "Stop recording" }).click();
  await popup.getByText(`Paired with ${new URL(rig.collector.url).host}`).waitFor();
  await popup.getByText("Categories").click();
  await toggle("Record network").click();
  await until(status, (now) => now.config.categories.network.enabled === false, "off");
  await popup.getByRole("combobox", { name: "Detail of console" }).selectOption("verbose");
  const { host } = new URL(rig.site.origin);
  await toggle(`Record ${host}`).click();
  await until(status, (now) => now.config.sites.exclude.includes(host), "left out");
  await toggle(`Record ${host}`).click();
  await until(status, (now) => !now.config.sites.exclude.includes(host), "recorded again");
  assert.deepEqual(await found(), []);
  await popup.getByRole("button", { name: "Record all sites" }).click();
  await popup.getByRole("heading", { name: "Recording" }).waitFor();
  const { config } = await status();
  assert.deepEqual(
    [config.categories.network.enabled, config.categories.console.detail_level, config.sites.exclude],
    [false, "verbose", []],
  );
});

test("while the icon is not pinned, the popup says how to pin it", async () => {
  await popup.getByRole("button", { name: "Stop recording" }).click();
  assert.equal((await popup.evaluate(() => chrome.action.getUserSettings())).isOnToolbar, false);
  const hint = popup.getByText("click the puzzle piece");
  await hint.waitFor();
  assert.deepEqual(await found(), []);
  // The popup may still show a message about the recording that was stopped.
  await until(
    () => popup.evaluate(() => [document.body.scrollHeight, document.body.clientHeight]),
    ([content, window]) => Number(content) <= Number(window),
    "heights of the content and of the popup",
  );
  await popup.screenshot({ path: dist("test", "popup-pin.png") });
  await popup.evaluate(() => {
    /** @type {any} */ (chrome.action).getUserSettings = async () => ({ isOnToolbar: true });
  });
  await hint.waitFor({ state: "detached" });
  await popup.getByRole("button", { name: "Record all sites" }).click();
  await popup.getByRole("heading", { name: "Recording" }).waitFor();
});

test("a tab that was open before the recording says so, and its button loads it again", async () => {
  await popup.getByRole("button", { name: "Stop recording" }).click();
  await popup.getByText("Nothing is being recorded").waitFor();
  const before = await rig.open("/page?before");
  await popup.getByRole("button", { name: "Record this site" }).click();
  await popup.getByRole("heading", { name: "Recording" }).waitFor();
  const over = await rig.context.newPage();
  await over.setViewportSize({ width: 360, height: 600 });
  await seeInFront(over, before.url());
  await over.goto(`${rig.extensionOrigin}/popup.html`);
  const note = over.getByText("This tab was open before");
  await note.waitFor();
  await over.screenshot({ path: dist("test", "popup-late.png") });
  await over.getByRole("button", { name: "Reload tab" }).click();
  await rig.event("page.navigation_committed", "/page?before");
  await note.waitFor({ state: "detached" });
  await over.close();
  await before.close();
});

test("with the collector gone, the last ack is still shown, and axe finds nothing", async () => {
  await rig.flushed();
  await rig.collector.stop();
  await site.evaluate(() => console.log("one more"));
  await popup.getByText(/No answer from/).waitFor({ timeout: 60_000 });
  await popup.getByText(/^last ack /).waitFor();
  assert.deepEqual(await found(), []);
});
