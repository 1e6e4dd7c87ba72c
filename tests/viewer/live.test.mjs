/** The link, and what happens as it happens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, sharedViewer, shown, until, untilShown } from "./browser.mjs";
import { Store } from "./collector.mjs";
import { millionStore } from "./million.mjs";
import { recordOf, sessionId, take } from "./tape.mjs";

const SESSION = sessionId(1);
const ALL = take({ session: SESSION, startTs: (Date.now() - 600_000) * 1000 }, 900);
let delivered = 300;

const { store, browser } = await sharedViewer(millionStore());
await store.deliver(SESSION, ALL.slice(0, delivered));

/** Delivers the next records of the tape. @param {number} count */
async function next(count) {
  await store.deliver(SESSION, ALL.slice(delivered, delivered + count));
  delivered += count;
}

/** A viewer that shows all that was delivered. */
async function follow() {
  const viewer = await open(browser, await store.link());
  await untilShown(viewer.page, delivered);
  return viewer;
}

test("the link opens the viewer and leaves no code in the address", async () => {
  const viewer = await open(browser, await store.link());
  await viewer.page.waitForSelector(".row");
  assert.equal(new URL(viewer.page.url()).hash, "");
  assert.doesNotMatch(viewer.page.url(), /token|code/);
  await viewer.page.reload();
  await viewer.page.waitForSelector(".row");
  await viewer.close();
});

test("the browser keeps the viewer's script for the next opening", async () => {
  const { page, close } = await open(browser, await store.link());
  // The script that is loaded last draws it.
  await page.waitForSelector(".timeline canvas");
  const transferred = () =>
    page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => /-[A-Z0-9]{8}\.js$/.test(name))
        .map((entry) => /** @type {PerformanceResourceTiming} */ (entry).transferSize),
    );
  assert.ok((await transferred()).some((bytes) => bytes > 100_000));
  await page.reload();
  await page.waitForSelector(".timeline canvas");
  assert.ok((await transferred()).every((bytes) => bytes === 0));
  await close();
});

test("a page whose permission has ended shows how to get another", async () => {
  const { page, close } = await open(browser, "about:blank");
  await page.addInitScript(() => {
    if (location.protocol === "http:") sessionStorage.setItem("tabtape.token", "ended");
  });
  await page.goto(store.url);
  await page.getByText("Its permission to read has ended.").waitFor();
  // The viewer must not be rendered over it a moment later.
  await page.waitForTimeout(500);
  assert.equal(await page.locator(".viewer").count(), 0);
  await close();
});

test("a link opens once, and the second attempt shows what to do", async () => {
  const link = await store.link();
  const first = await open(browser, link);
  await first.page.waitForSelector(".row");
  const second = await open(browser, link);
  await second.page.waitForSelector(".gate");
  assert.match(await second.page.locator(".gate").innerText(), /tabtape serve/);
  assert.equal(await second.page.locator(".row").count(), 0);
  await first.close();
  await second.close();
});

test("events appear as they are stored, and the newest stays in view", async () => {
  const { page, close } = await follow();
  for (let round = 0; round < 3; round++) {
    await next(40);
    await untilShown(page, delivered);
    await page.locator(`#row-${ALL[delivered - 1]?.seq}`).waitFor({ state: "visible" });
  }
  await close();
});

test("a press selects the record under the pointer, although other rows come before the release", async () => {
  const { page, close } = await follow();
  const pressed = page.locator(`#row-${ALL[delivered - 4]?.seq}`);
  const text = await pressed.locator(".row-time").innerText();
  const box = await pressed.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + 300, box.y + box.height / 2);
  await page.mouse.down();
  await next(30);
  await untilShown(page, delivered, "records before the release");
  await page.mouse.up();
  const selected = page.locator(".row.selected");
  await selected.waitFor();
  assert.equal(await selected.locator(".row-time").innerText(), text);
  await page.locator(".pane-title").waitFor();
  await close();
});

test("scrolling up stops following, counts new rows, and one click returns", async () => {
  const { page, close } = await follow();
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.waitFor();
  await page.locator(".list-scroll").hover();
  await page.mouse.wheel(0, -900);
  await page.locator(".latest").waitFor();
  // New records may give a tab another name, but they do not change the times in view. How many rows are kept ready
  // outside of the view may change.
  const times = () =>
    page.locator(".list-scroll").evaluate((list) => {
      const view = list.getBoundingClientRect();
      return Array.from(list.querySelectorAll(".row-time"), (time) => {
        const { top, bottom } = time.getBoundingClientRect();
        return {
          top: Math.round(top),
          isInView: top >= view.top && bottom <= view.bottom,
          time: time.textContent,
        };
      }).filter(({ isInView }) => isInView);
    });
  // The wheel's way ends some frames after the first of it.
  let before = await times();
  let unchanged = 0;
  await until(
    async () => {
      const now = await times();
      unchanged = JSON.stringify(now) === JSON.stringify(before) ? unchanged + 1 : 0;
      before = now;
      return unchanged;
    },
    (times) => times >= 5,
    "the rows at rest",
  );
  await next(25);
  await until(
    () => page.locator(".latest").innerText(),
    (text) => text.includes("25 new"),
    "the count of new ones",
  );
  assert.deepEqual(await times(), before, "the rows in view did not move");
  const chip = page.getByRole("button", { name: /^Problems/ });
  await chip.click();
  await problems.waitFor({ state: "detached" });
  await until(
    async () => JSON.stringify(await times()),
    (now) =>
      now.length > JSON.stringify(before).length && before.every((row) => now.includes(JSON.stringify(row))),
    "more rows, and those from before in their places",
  );
  await chip.click();
  await problems.waitFor();
  await until(times, (now) => JSON.stringify(now) === JSON.stringify(before), "the rows from before");
  await page.locator(".latest").click();
  await page.locator(`#row-${ALL[delivered - 1]?.seq}`).waitFor({ state: "visible" });
  await close();
});

test("a pause freezes the list, and every record is listed after it", async () => {
  const { page, close } = await follow();
  const before = delivered;
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Resume" }).waitFor();
  await next(30);
  await page.waitForFunction(() => /30 new/.test(document.querySelector(".latest")?.textContent ?? ""));
  assert.equal(await shown(page), before);
  await page.keyboard.press("Space");
  await untilShown(page, before + 30, "records after resuming");
  await close();
});

test("a collector that is killed and restarted is followed without a gap or a repeat", async () => {
  const { page, close } = await follow();
  await store.restart();
  await next(50);
  await untilShown(page, delivered, "records after the restart", 20_000);
  await until(
    () => page.locator(".state").innerText(),
    (text) => text === "Live",
    "the state",
  );
  await close();
});

test("deleted records disappear from an open viewer, and the selected one becomes its gap", async () => {
  const doomed = ALL.slice(0, delivered).find(({ line }) => JSON.parse(line).event?.category === "console");
  assert.ok(doomed);
  const viewer = await open(browser, await store.link(`?session=${SESSION}&seq=${doomed.seq}`));
  const { page } = viewer;
  await page.locator(`#row-${doomed.seq}`).waitFor({ state: "visible" });
  await page.locator(".pane-title", { hasText: "console." }).waitFor();
  const { deleted } = await (
    await store.fetch(`/v1/events?session=${SESSION}&q=category:console`, { method: "DELETE" })
  ).json();
  assert.ok(deleted > 0);
  await page.locator(".row.gap", { hasText: "deleted by a person" }).first().waitFor();
  await until(
    () => page.locator(".row-category", { hasText: "console" }).count(),
    (rows) => rows === 0,
    "rows of the console",
  );
  await page.locator(".pane", { hasText: "deleted by a person" }).waitFor();
  await viewer.close();
});

test("a newer session is offered although it contains events from before the end of the open one", async () => {
  const own = await Store.start();
  const began = (Date.now() - 60_000) * 1000;
  const [first, second] = [sessionId(1), sessionId(2)];
  await own.deliver(first, [
    record(first, 1, "system.session_started", began),
    record(first, 2, "page.settled", began + 1e6),
    record(first, 3, "system.session_ended", began + 3e6),
  ]);
  const viewer = await open(browser, await own.link());
  await untilShown(viewer.page, 3, "the first session");
  await own.deliver(second, [
    record(second, 1, "system.session_started", began + 4e6),
    record(second, 2, "page.long_frame", began + 2e6),
  ]);
  await viewer.page.getByRole("button", { name: "Open the newer session" }).click();
  await untilShown(viewer.page, 2, "the second session");
  await viewer.close();
  await own.stop();
});

/** @param {string} session @param {number} seq @param {string} type @param {number} ts */
function record(session, seq, type, ts) {
  const [category] = type.split(".");
  const source = { kind: "extension", event: type, metadata: {} };
  const event = { ts, type, category, detail_level: "standard", source, data: {} };
  return recordOf(session, seq, event);
}
