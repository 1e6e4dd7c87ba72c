/** Marks and screenshots, and what the popup shows. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { startRig } from "./fixtures/rig.mjs";

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
before(async () => {
  rig = await startRig({
    pages: {
      "/page": `<!doctype html><body style="background: teal"><h1>Seen</h1>`,
      "/throws": scripted(`setTimeout(() => { throw new Error("pictured") }, 300)`),
    },
  });
});
after(() => rig.close());

test("a mark carries its note, where it was made, and a picture", async () => {
  const page = await rig.open("/page");
  await page.bringToFront();
  await rig.command({ command: "mark", note: "here it happened" });
  const mark = await rig.event("system.mark", "here it happened");
  assert.equal(mark.url, `${rig.site.origin}/page`);
  assert.match(mark.source.metadata.tab_id ?? "", /./);
  const shot = await rig.event("page.screenshot");
  assert.equal(shot.data.why, "mark");
  const image = Buffer.from(shot.data.image.replace("data:image/jpeg;base64,", ""), "base64");
  assert.deepEqual([...image.subarray(0, 3)], [0xff, 0xd8, 0xff], "a JPEG");
  await page.close();
});

test("a hot key shows on the badge whether it did its work, and then the state again", async () => {
  const page = await rig.open("/page");
  await page.bringToFront();
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const set = chrome.action.setBadgeText.bind(chrome.action);
    /** @type {any} */ (globalThis).badgeTexts = [];
    chrome.action.setBadgeText = (/** @type {chrome.action.BadgeTextDetails} */ details) => {
      /** @type {any} */ (globalThis).badgeTexts.push(details.text);
      return set(details);
    };
    /** @type {any} */ (chrome.commands.onCommand).dispatch("mark");
  });
  await rig.poll("the badge", async () => {
    const texts = await worker.evaluate(() => /** @type {any} */ (globalThis).badgeTexts);
    return texts.join() === "✓,REC";
  });
  assert.equal((await rig.until("type:system.mark", (events) => events.length === 2)).length, 2);
  await page.close();
});

test("no more than two screenshots a second", async () => {
  const page = await rig.open("/page");
  await page.bringToFront();
  await page.waitForTimeout(600);
  const taken = [];
  for (let round = 0; round < 5; round++) taken.push(await rig.command({ command: "screenshot" }));
  assert.ok(taken.filter(Boolean).length <= 2, `${taken}`);
  assert.equal(taken[0], true);
  await page.close();
});

test("an uncaught error has its picture taken, if that is enabled", async () => {
  await rig.command({ command: "screenshot_on_error", on: true });
  const page = await rig.open("/throws");
  await page.bringToFront();
  // A picture was taken just before: the error's waits until the browser allows another one.
  await rig.command({ command: "screenshot" });
  await page.evaluate(() =>
    setTimeout(() => {
      throw new Error("pictured again");
    }),
  );
  await rig.event("console.exception", "pictured again");
  await rig.until("type:page.screenshot", (events) =>
    events.some(({ data }) => /** @type {any} */ (data).why === "error"),
  );
  await page.close();
});

test("a picture that another tab has come into is thrown away, and says so", async () => {
  const page = await rig.open("/page?hidden");
  await page.bringToFront();
  await page.waitForTimeout(600);
  const worker = await rig.worker();
  await worker.evaluate((origin) => {
    const capture = chrome.tabs.captureVisibleTab;
    /** @type {any} */ (chrome.tabs).captureVisibleTab = async (/** @type {any[]} */ ...args) => {
      /** @type {any} */ (chrome.tabs).captureVisibleTab = capture;
      const image = await /** @type {any} */ (capture).apply(chrome.tabs, args);
      await chrome.tabs.create({ url: `${origin}/page?other`, active: true });
      return image;
    };
  }, rig.site.origin);
  await rig.command({ command: "screenshot" });
  const shot = await rig.event("page.screenshot", "came to the front");
  assert.equal(shot.data.image, undefined);
  assert.equal(shot.url, `${rig.site.origin}/page?hidden`);
  await page.close();
});

test("the popup says what is recorded and starts and stops it", async () => {
  const popup = await rig.control();
  await popup.bringToFront();
  await popup.getByRole("button", { name: "Stop recording" }).click();
  await popup.getByText("Nothing is being recorded.").waitFor();
  await rig.event("system.session_ended");
  const worker = await rig.worker();
  assert.equal(await worker.evaluate(() => chrome.action.getBadgeText({})), "");
  await popup.getByRole("button", { name: "Record all sites" }).click();
  await popup.getByRole("button", { name: "Stop recording" }).waitFor();
  assert.equal(await worker.evaluate(() => chrome.action.getBadgeText({})), "REC");
});
