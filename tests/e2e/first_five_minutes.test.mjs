/**
 * The first five minutes of a newcomer with their own browser: a new profile with the unpacked extension, in a window,
 * with real keys and clicks. Each step leaves a picture of the screen in `dist/test/`.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../../scripts/lib/collector.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { hasVirtualDisplay } from "../../scripts/setup/display.mjs";
import { extensionCopy, launchBrowser, serviceWorker } from "./fixtures/browser.mjs";
import { closeAtEnd } from "./fixtures/close.mjs";
import { startCollector } from "./fixtures/collector.mjs";
import { startDisplay } from "./fixtures/display.mjs";
import { scripted, servePages } from "./fixtures/pages.mjs";
import { Rig } from "./fixtures/rig.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** The color of the icon and its badge while recording; see `extension/build.mjs`. */
const RED = /** @type {[number, number, number]} */ ([198, 40, 40]);
/** The color of the sign that a hot key did its work. */
const GREEN = /** @type {[number, number, number]} */ ([46, 125, 50]);
/** The toolbar's rows on the screen: the tabs are above it, the page below. */
const TOOLBAR = /** @type {[number, number]} */ ([46, 82]);
const FIT_MS = 20_000;

const skip = hasVirtualDisplay() ? false : "Xvfb and xdotool are not on PATH";
if (skip === false) await steps();
else test("the first five minutes", { skip }, () => {});

async function steps() {
  const display = await startDisplay();
  closeAtEnd(() => display.close());
  const folder = mkdtempSync(join(tmpdir(), "tabtape-first-"));
  const site = await servePages({ "/": scripted(`console.info("shop: starting")`) });
  const collector = await startCollector(join(folder, "data"));
  const context = await launchBrowser({
    profile: join(folder, "profile"),
    extensions: [extensionCopy(join(folder, "extension"), null)],
    display,
  });
  const rig = new Rig(folder, site, collector, context);
  closeAtEnd(() => rig.close());
  const worker = await serviceWorker(context);
  /** The tab that is open before anything else. */
  const shop = /** @type {Page} */ (context.pages()[0]);
  await shop.goto(site.origin);
  /** @type {Page} */
  let pairing;
  /** @type {Page} */
  let popup;

  let taken = 0;
  const picture = (/** @type {string} */ name) =>
    display.save(dist("test", `five-minutes-${++taken}-${name}.png`));

  /** @param {() => unknown} how */
  async function openPopup(how) {
    const opened = context.waitForEvent("page", (page) => page.url().endsWith("/popup.html"));
    await how();
    popup = await opened;
    await popup.locator("footer").getByText("stored in this browser").waitFor();
  }

  async function clickIcon() {
    await rig.poll("the icon", async () => display.find(RED, TOOLBAR) !== null);
    const { x, y } = /** @type {{ x: number, y: number }} */ (display.find(RED, TOOLBAR));
    await display.hands("mousemove", `${x}`, `${y}`, "click", "1");
  }

  /** Asserts that the popup has no scroll bar and shows each name in full, with one of its sections open or with the other. */
  async function everythingFits() {
    for (const section of ["Categories", "More"]) {
      const details = popup.locator("details", { has: popup.locator("summary", { hasText: section }) });
      if ((await details.getAttribute("open")) === null) await details.locator("summary").click();
      await rig.poll(
        `${section} without a scroll bar`,
        async () => {
          const cut = await popup.evaluate(() =>
            [document.body, ...document.querySelectorAll(".line-name")]
              .filter((it) => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth)
              .map((it) => `${it.tagName} ${it.scrollWidth} × ${it.scrollHeight}`),
          );
          assert.deepEqual(cut, []);
          return true;
        },
        FIT_MS,
      );
      assert.ok((await popup.evaluate(() => innerHeight)) <= 600, "the browser makes a popup no higher");
      picture(`popup-${section.toLowerCase()}`);
    }
  }

  test("before anything is paired, the popup says so and fits", async () => {
    await openPopup(() => worker.evaluate(() => chrome.action.openPopup()));
    await popup.getByText("Nothing is being recorded.").waitFor();
    await popup.getByRole("button", { name: "Record this site" }).waitFor();
    await popup.getByText("click the puzzle piece").waitFor();
    picture("popup");
    await everythingFits();
    await popup.close();
  });

  test("the link from the terminal leads to its code, and a click pairs", async () => {
    const said = await ask(collector.dataDir, ["pair"]);
    pairing = await context.newPage();
    await pairing.goto(/http:\S+/.exec(said)?.[0] ?? "").catch(() => {});
    await pairing.waitForURL(/pair\.html/);
    const code = await pairing.locator(".code").innerText();
    assert.ok(said.includes(code), `${code} is not in: ${said}`);
    picture("code");
    await pairing.getByRole("button", { name: "The codes are the same: pair" }).click();
    await pairing.getByRole("heading", { name: `Paired with ${new URL(collector.url).host}` }).waitFor();
  });

  test("the next step is one button, which records the site of the tab before", async () => {
    await pairing.getByText("Nothing is recorded yet.").waitFor();
    picture("paired");
    await pairing.getByRole("button", { name: `Record ${site.host}` }).click();
    await pairing.getByText("This browser is recording").waitFor();
    await pairing.getByText(`${site.host} was open before the recording.`).waitFor();
    picture("recording");
  });

  test("how to pin the icon is said until it is pinned", async () => {
    const hint = pairing.getByText("click the puzzle piece");
    await hint.waitFor();
    const settings = await context.newPage();
    await settings.goto(`chrome://extensions/?id=${new URL(worker.url()).host}`);
    await settings.locator("#pin-to-toolbar").click();
    await hint.waitFor({ state: "detached" });
    await settings.close();
    await rig.poll("the icon", async () => display.find(RED, TOOLBAR) !== null);
    picture("pinned");
  });

  test("the tab that was open before says that it needs a reload, and its button does it", async () => {
    await shop.bringToFront();
    await openPopup(clickIcon);
    await popup.getByText("This tab was open before the recording.").waitFor();
    picture("late");
    await popup.getByRole("button", { name: "Reload tab" }).click();
    await rig.event("console.info", "shop: starting");
    await popup.getByText("This tab was open before").waitFor({ state: "detached" });
    picture("reloaded");
  });

  test("the hot key shows its sign on the icon", async () => {
    const key = await popup.locator(".mark kbd").innerText();
    await popup.close();
    await shop.bringToFront();
    const badge = () => worker.evaluate(() => chrome.action.getBadgeText({}));
    assert.equal(await badge(), "REC");
    await display.hands("mousemove", "640", "700", "key", key.toLowerCase());
    await rig.poll("the sign", async () => display.find(GREEN, TOOLBAR) !== null);
    assert.equal(await badge(), "✓");
    picture("marked");
    await rig.event("system.mark");
    await rig.poll("the state again", async () => display.find(GREEN, TOOLBAR) === null);
    assert.equal(await badge(), "REC");
  });

  test("deep capture says what it needs and sets it, and the popup with everything open fits", async () => {
    await openPopup(clickIcon);
    await everythingFits();
    await popup.getByText("sets network to verbose").waitFor();
    await popup.getByRole("switch", { name: "Deep capture of this tab" }).click();
    await popup.getByText("Network is verbose now").waitFor();
    await rig.event("system.debugger_attached");
    picture("deep");
    const level = popup.getByRole("combobox", { name: "Detail of network", includeHidden: true });
    assert.equal(await level.inputValue(), "verbose");
    await everythingFits();
  });

  test("“Open viewer” shows the page's first event", async () => {
    const opened = context.waitForEvent("page", (page) => page.url().startsWith(collector.url));
    await popup.getByRole("button", { name: "Open viewer" }).click();
    const viewer = await opened;
    await viewer.locator(".row", { hasText: "shop: starting" }).first().waitFor();
    picture("viewer");
  });
}
