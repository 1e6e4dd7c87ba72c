/** Marks and screenshots, and what the popup shows. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { collectorFile } from "../../scripts/lib/collector.mjs";
import { violations } from "../viewer/axe.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    "/page": `<!doctype html><body style="background: teal"><h1>Seen</h1>`,
    "/plain": `<!doctype html><body style="margin: 0; height: 100vh; background: teal">`,
    "/colors": `<!doctype html><body style="background: teal">
      <button style="position: absolute; left: 100px; top: 50px; width: 200px; height: 100px">Paint</button>
      <script>let clicks = 0; document.querySelector("button").onclick = () => { document.body.style.background = "hsl(" + 47 * ++clicks + " 80% 50%)"; };</script>`,
    "/throws": scripted(`setTimeout(() => { throw new Error("pictured") }, 300)`),
  },
});

test("a mark carries its note, where it was made, and a picture", async () => {
  const page = await rig.open("/page");
  await page.bringToFront();
  await rig.command({ command: "mark", note: "here it happened" });
  const mark = await rig.event("system.mark", "here it happened");
  assert.equal(mark.url, `${rig.site.origin}/page`);
  assert.match(mark.source.metadata.tab_id ?? "", /./);
  const shot = await rig.event("page.screenshot");
  assert.equal(shot.data.why, "mark");
  assert.equal(shot.data.error, undefined);
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
  const begunMs = Date.now();
  const taken = [];
  for (let round = 0; round < 5; round++) taken.push(await rig.command({ command: "screenshot" }));
  const allowed = 1 + Math.floor((Date.now() - begunMs) / 500);
  assert.ok(taken.filter(Boolean).length <= allowed, `${taken}, ${allowed} allowed`);
  assert.equal(taken[0], true);
  await page.close();
});

test("a bundle of the recording shows its pictures from a file, without a network", async () => {
  const page = await rig.open("/page?bundled");
  await page.bringToFront();
  await rig.poll("a picture to be allowed", () => rig.command({ command: "screenshot" }));
  const shown = (/** @type {import("../../src/web/types.ts").Event} */ { url, data }) =>
    url?.endsWith("?bundled") && typeof (/** @type {any} */ (data).image) === "string";
  const events = await rig.until("type:page.screenshot", (found) => found.some(shown));
  const path = join(rig.folder, "bug.html");
  const args = ["export", "--data-dir", rig.collector.dataDir, "--format", "bundle", "--output", path];
  await promisify(execFile)(collectorFile, [...args, "url:*?bundled"]);
  const bundle = await rig.context.newPage();
  /** @type {string[]} */
  const requests = [];
  bundle.on("request", (request) => requests.push(request.url()));
  await rig.context.setOffline(true);
  try {
    await bundle.goto(pathToFileURL(path).href);
    await bundle.getByRole("button", { name: /^Screenshot at/ }).click();
    const image = bundle.locator(".pane img.screenshot");
    await image.waitFor();
    assert.equal(await image.getAttribute("src"), /** @type {any} */ (events.find(shown)).data.image);
    await image.evaluate((/** @type {HTMLImageElement} */ it) => it.decode());
    assert.ok(await image.evaluate((/** @type {HTMLImageElement} */ it) => it.naturalWidth > 0));
    await bundle.getByText(/^Bundle: 7 files, hashes are right$/).click();
    await bundle.getByRole("button", { name: /^screenshots\/.*\.jpe?g$/ }).waitFor();
    assert.deepEqual(
      requests.filter((url) => !/^(?:file|data|blob):/.test(url)),
      [],
    );
    assert.deepEqual(await violations(bundle), []);
  } finally {
    await rig.context.setOffline(false);
  }
  await bundle.close();
  await page.close();
});

test("an uncaught error has its picture taken, if that is enabled", async () => {
  await rig.command({ command: "screenshots", on_error: true, on_action: false });
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

/** @param {string} why @param {string} path */
const pictured = async (why, path) =>
  (
    await rig.until("type:page.screenshot", (events) =>
      events.some(({ url, data }) => url?.endsWith(path) && /** @type {any} */ (data).why === why),
    )
  )
    .map(({ url, data }) => ({ url, data: /** @type {any} */ (data) }))
    .filter(({ url, data }) => url?.endsWith(path) && data.why === why)
    .map(({ data }) => data);

test("a rejection that nothing handles has its picture taken too", async () => {
  const page = await rig.open("/page?rejects");
  await page.bringToFront();
  await page.evaluate(() => void Promise.reject(new Error("rejected")));
  await pictured("error", "/page?rejects");
  await rig.command({ command: "screenshots", on_error: false, on_action: false });
  await page.close();
});

test("clicks and navigations are pictured if that is enabled, small and with the click's place", async () => {
  await rig.command({ command: "screenshots", on_error: false, on_action: true });
  const page = await rig.open("/colors");
  await page.bringToFront();
  await pictured("navigation", "/colors");
  // A picture that is older than the frame after the click refers to the one before.
  /** @type {any} */
  let shot;
  await rig.poll("a picture of a click", async () => {
    await page.mouse.click(200, 100);
    shot = (await pictured("click", "/colors")).find(({ image }) => image !== undefined);
    return shot !== undefined;
  });
  const { width, height } = await page.evaluate(async (image) => {
    const bitmap = await createImageBitmap(await (await fetch(image)).blob());
    return { width: bitmap.width, height: bitmap.height };
  }, shot.image);
  const seen = await page.evaluate(() => ({ width: innerWidth, height: innerHeight }));
  assert.ok(seen.width > 960, `${seen.width}`);
  assert.equal(width, 960);
  assert.ok(Math.abs(height - (seen.height * 960) / seen.width) <= 1, `${height}`);
  assert.ok(Math.abs(shot.click.x_fraction - 200 / seen.width) < 0.002, JSON.stringify(shot.click));
  assert.ok(Math.abs(shot.click.y_fraction - 100 / seen.height) < 0.002, JSON.stringify(shot.click));
  await page.close();
});

test("a picture that equals the tab's last one refers to it", async () => {
  const page = await rig.open("/plain");
  await page.bringToFront();
  await pictured("navigation", "/plain");
  // The first picture may be older than the page's first frame.
  /** @type {any} */
  let click;
  await rig.poll("the same picture twice", async () => {
    const before = (await rig.collector.events("type:input.click url:*/plain")).length;
    await page.mouse.click(400, 300);
    await rig.until("type:input.click url:*/plain", (events) => events.length > before);
    click = (await pictured("click", "/plain")).find(({ same_as }) => same_as !== undefined);
    return click !== undefined;
  });
  const records = /** @type {any[]} */ (await rig.collector.records("type:page.screenshot"));
  const { event } = records.find(({ seq }) => seq === click.same_as);
  assert.match(event.url, /\/plain$/);
  assert.match(event.data.image, /^data:image\/jpeg;base64,/);
  assert.equal(click.image, undefined);
  await page.close();
});

test("when the pictures of a session have used their budget, one event says so and no more are taken", async () => {
  const page = await rig.open("/colors?budget");
  await page.bringToFront();
  await pictured("navigation", "/colors?budget");
  const worker = await rig.worker();
  // The worker writes its count a little later than the event.
  await rig.poll("the count of what was used", async () => {
    const shots = /** @type {any[]} */ (await rig.collector.events("type:page.screenshot"));
    const lengths = shots.map(({ data }) => (data.quality === 60 ? data.image.length : 0));
    const used = lengths.reduce((sum, length) => sum + length, 0);
    return worker.evaluate(async (expected) => {
      const stored = await chrome.storage.session.get("screenshot_lengths");
      const counts = /** @type {[string, number][]} */ (stored.screenshot_lengths);
      if (!counts.some(([, length]) => length === expected)) return false;
      await chrome.storage.session.set({
        screenshot_lengths: counts.map(([session]) => [session, 19_999_999]),
      });
      return true;
    }, used);
  });
  await rig.killWorker();
  // Slow pictures: the one of the next moment begins before the budget is used up.
  await (await rig.worker()).evaluate(() => {
    const capture = chrome.tabs.captureVisibleTab;
    /** @type {any} */ (self).quickCapture = capture;
    /** @type {any} */ (chrome.tabs).captureVisibleTab = async (/** @type {any[]} */ ...args) => {
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return await /** @type {any} */ (capture).apply(chrome.tabs, args);
    };
  });
  const saidTimes = async () =>
    (await rig.collector.events("type:page.screenshot")).filter(({ data }) =>
      /have used their 20000000 characters/.test(/** @type {any} */ (data).error ?? ""),
    ).length;
  const click = async () => {
    const before = (await rig.collector.events("type:input.click url:*budget")).length;
    await page.mouse.click(200, 100);
    await rig.until("type:input.click url:*budget", (events) => events.length > before);
  };
  // A picture that is older than the frame after the click equals the one before, and uses nothing.
  await rig.poll("the end of the budget", async () => {
    await click();
    return (await saidTimes()) === 1;
  });
  const images = async () =>
    (await rig.collector.events("type:page.screenshot url:*budget")).filter(
      ({ data }) => /** @type {any} */ (data).quality === 60,
    ).length;
  const before = await images();
  await click();
  for (let taken = 0; taken < 2; taken++)
    await rig.poll("a screenshot", () => rig.command({ command: "screenshot" }));
  await pictured("hot_key", "/colors?budget");
  assert.deepEqual([await images(), await saidTimes()], [before, 1]);
  await (await rig.worker()).evaluate(() => {
    chrome.tabs.captureVisibleTab = /** @type {any} */ (self).quickCapture;
  });
  await rig.command({ command: "screenshots", on_error: false, on_action: false });
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
  const badge = () => worker.evaluate(() => chrome.action.getBadgeText({}));
  await rig.poll("the badge", async () => (await badge()) === "REC");
});
