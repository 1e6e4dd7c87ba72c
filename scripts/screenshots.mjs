/**
 * `npm run screenshots`: the README's pictures, taken from what was built, in `docs/screenshots`.
 *
 * The viewer shows a made-up shopper's session in a real collector; popup and side panel are those of a browser
 * that records the demo page.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startRig } from "../tests/e2e/fixtures/rig.mjs";
import { launch, open, shown, until } from "../tests/viewer/browser.mjs";
import { Store } from "../tests/viewer/collector.mjs";
import { sessionId, take } from "../tests/viewer/tape.mjs";
import { serveDemo } from "./lib/demo.mjs";
import { root } from "./lib/paths.mjs";
import { fail, step } from "./lib/say.mjs";

const FOLDER = join(root, "docs/screenshots");
const RECORDS = 2_500;

async function viewerPictures() {
  const session = sessionId(1);
  const records = take({ session, startTs: (Date.now() - 110_000) * 1000 }, RECORDS);
  const [store, browser] = await Promise.all([Store.start(), launch()]);
  try {
    await store.deliver(session, records);
    const parsed = records.map(({ line }) => JSON.parse(line));
    const response = parsed.find(
      ({ event }) => event?.type === "network.response" && event.data.status >= 500,
    );
    const gap = parsed.find((record) => record.gap !== undefined);
    const views = {
      "viewer-light": { scheme: "light", search: `?session=${session}` },
      "viewer-dark": { scheme: "dark", search: `?session=${session}` },
      network: { scheme: "light", search: `?session=${session}&seq=${response.seq}` },
      gap: { scheme: "light", search: `?session=${session}&seq=${gap.gap.first_seq}` },
      empty: { scheme: "light", search: `?session=${session}&q=category:payment` },
    };
    for (const [name, { scheme, search }] of Object.entries(views)) {
      const { page, close } = await open(browser, await store.link(search), {
        colorScheme: /** @type {"light" | "dark"} */ (scheme),
      });
      if (name === "empty") await page.locator(".empty").waitFor();
      else
        await until(
          () => shown(page),
          (n) => n === RECORDS,
          "records",
        );
      if (search.includes("seq=")) await page.locator(".pane .part").first().waitFor();
      if (name === "viewer-dark") {
        const error = page.locator(".row.s-error").last();
        await error.click();
        await page.locator(".pane .part").first().waitFor();
      }
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(FOLDER, `${name}.png`) });
      await close();
    }
  } finally {
    await browser.close();
    await store.stop();
  }
}

async function extensionPictures() {
  const [rig, demo] = await Promise.all([startRig(), serveDemo()]);
  try {
    const page = await rig.open("/", demo.url.replace(/\/$/, ""));
    // The demo page does one thing a second; its sixth is the mistake.
    await rig.until("type:console.exception", (events) => events.length > 0);
    const tab = await (await rig.worker()).evaluate(
      async () => (await chrome.tabs.query({ active: true }))[0]?.id,
    );
    const sizes = { popup: { width: 340, height: 550 }, panel: { width: 400, height: 720 } };
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
    demo.close();
    await rig.close();
  }
}

async function main() {
  mkdirSync(FOLDER, { recursive: true });
  const shot = step("Take the README's pictures");
  await viewerPictures();
  await extensionPictures();
  shot.done();
}

await main().catch(fail);
