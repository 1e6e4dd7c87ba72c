/**
 * `npm run screenshots`: the README's pictures, taken from what was built, in `docs/screenshots`.
 *
 * Viewer, popup and side panel show a recording of the demo page. Only a gap and a category that was off are from a
 * made-up session, because a healthy recording has neither.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "../tests/e2e/fixtures/browser.mjs";
import { startRig } from "../tests/e2e/fixtures/rig.mjs";
import { open, untilShown } from "../tests/viewer/browser.mjs";
import { Store } from "../tests/viewer/collector.mjs";
import { sessionId, take } from "../tests/viewer/tape.mjs";
import { serveDemo } from "./lib/demo.mjs";
import { root } from "./lib/paths.mjs";
import { fail, step } from "./lib/say.mjs";

const FOLDER = join(root, "docs/screenshots");
const RECORDS = 2_500;

async function madeUpPictures() {
  const session = sessionId(1);
  const records = take({ session, startTs: (Date.now() - 110_000) * 1000 }, RECORDS);
  const [store, browser] = await Promise.all([Store.start(), launch()]);
  try {
    await store.deliver(session, records);
    const gap = records.map(({ line }) => JSON.parse(line)).find((record) => record.gap !== undefined);
    const views = {
      gap: `?session=${session}&seq=${gap.gap.first_seq}`,
      empty: `?session=${session}&q=category:payment`,
    };
    for (const [name, search] of Object.entries(views)) {
      const { page, close } = await open(browser, await store.link(search), { colorScheme: "light" });
      if (name === "empty") await page.locator(".empty").waitFor();
      else await untilShown(page, RECORDS);
      if (search.includes("seq=")) await page.locator(".pane .part").first().waitFor();
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(FOLDER, `${name}.png`) });
      await close();
    }
  } finally {
    await browser.close();
    await store.stop();
  }
}

/** @param {import("../tests/e2e/fixtures/rig.mjs").Rig} rig */
async function viewerPictures(rig) {
  const browser = await launch();
  /** @type {Record<string, { colorScheme: "light" | "dark", search?: string, enter: (page: import("playwright-core").Page) => Promise<unknown> }>} */
  const views = {
    "viewer-light": { colorScheme: "light", enter: (page) => page.locator(".chain-step").first().waitFor() },
    "viewer-dark": {
      colorScheme: "dark",
      enter: async (page) => {
        await page.locator(".problem", { hasText: "reading 'name'" }).getByRole("button").first().click();
        await page.locator(".chain-step").last().click();
        await page.locator(".pane .part", { hasText: "Stack" }).waitFor();
      },
    },
    network: {
      colorScheme: "light",
      search: "?view=network",
      enter: async (page) => {
        await page.locator(".requests-row.bad-request").last().click();
        await page.locator(".pane .part").first().waitFor();
      },
    },
  };
  try {
    for (const [name, { colorScheme, search, enter }] of Object.entries(views)) {
      const { page, close } = await open(browser, await rig.collector.link(search), { colorScheme });
      await page.locator(".row, .requests-row[aria-selected]").first().waitFor();
      await enter(page);
      await page.waitForTimeout(600);
      await page.screenshot({ path: join(FOLDER, `${name}.png`) });
      await close();
    }
  } finally {
    await browser.close();
  }
}

async function extensionPictures() {
  const [rig, demo] = await Promise.all([startRig(), serveDemo()]);
  try {
    const page = await rig.open("/", demo.origin);
    // The demo page does one thing a second; this is near the end of its tour.
    await rig.event("console.error", "refused with status 402");
    await rig.flushed();
    await viewerPictures(rig);
    const tab = await (await rig.worker()).evaluate(
      async () => (await chrome.tabs.query({ active: true }))[0]?.id,
    );
    const sizes = { popup: { width: 360, height: 500 }, panel: { width: 400, height: 720 } };
    for (const [name, size] of Object.entries(sizes)) {
      const shownPage = await rig.context.newPage();
      await shownPage.setViewportSize(size);
      // A page in a tab is itself in front: it gets the tab it would be next to.
      await shownPage.addInitScript((id) => {
        const query = chrome.tabs.query.bind(chrome.tabs);
        /** @type {any} */ (chrome.tabs).query = async (/** @type {chrome.tabs.QueryInfo} */ what) =>
          what.currentWindow ? [await chrome.tabs.get(/** @type {number} */ (id))] : query(what);
      }, tab);
      await shownPage.goto(`${rig.extensionOrigin}/${name}.html`);
      await shownPage.waitForTimeout(1_500);
      await shownPage.screenshot({ path: join(FOLDER, `${name}.png`) });
      await shownPage.close();
    }
    await page.close();
  } finally {
    await demo.close();
    await rig.close();
  }
}

async function main() {
  mkdirSync(FOLDER, { recursive: true });
  const shot = step("Take the README's pictures");
  await madeUpPictures();
  await extensionPictures();
  shot.done();
}

await main().catch(fail);
