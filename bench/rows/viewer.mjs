/**
 * Rows: how long the first rows of a million records take from opening the link, and how long frames take while their
 * list is scrolled from end to end, by jumps and by the wheel. The floors are the page that asks for the link, which
 * reads nothing, and the same scroller with nothing in it, in the same browser.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { launch } from "../../tests/e2e/fixtures/browser.mjs";
import { open, untilShown } from "../../tests/viewer/browser.mjs";
import { COUNT, millionStore } from "../../tests/viewer/million.mjs";
import { row } from "../lib/row.mjs";
import { round } from "../lib/stats.mjs";

const GOAL_MS = 50;
const FIRST_ROWS_GOAL_MS = 300;
/** Openings, of which the median counts. */
const OPENINGS = 9;
/** A new window loads pages of the browser's own, which a person who opens a link has open already. */
const SETTLED_MS = 2_000;
const MOST_LOOKS = 30;

export const name = "viewer";
export const parts = ["www", "wasm", "collector"];
export const isLong = true;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const seconds = quick ? 3 : 20;
  const [store, browser] = await Promise.all([millionStore(), launch()]);
  try {
    const openings = [];
    const floors = [];
    for (let i = 0; i < OPENINGS; i++) {
      openings.push(await opening(browser, await store.link(), ".row"));
      floors.push(await opening(browser, store.url, ".gate"));
    }
    const first = summary(openings);
    const viewer = await open(browser, await store.link());
    const { page } = viewer;
    await untilShown(page, COUNT, "records", 120_000);
    const ours = await frames(page, ".list-scroll", seconds);
    await viewer.close();
    const empty = await open(browser, "about:blank");
    await empty.page.setContent(
      '<div class="list-scroll" style="height:90vh;overflow-y:auto"><div style="height:8000000px"></div></div>',
    );
    const floor = await frames(empty.page, ".list-scroll", seconds / 2);
    await empty.close();
    const notes = `${ours.count} frames over ${COUNT} records in ${seconds} s; p50 ${ours.p50}, longest ${ours.longest}; Chromium ${browser.version()}`;
    return [
      row({
        name: "viewer, first rows",
        unit: "ms",
        ours: first.p50,
        spread: [Math.min(...openings), first.longest],
        floor: summary(floors).p50,
        ratio_to_floor: round(first.p50 / summary(floors).p50),
        goal: `< ${FIRST_ROWS_GOAL_MS} ms`,
        met: first.p50 < FIRST_ROWS_GOAL_MS,
        notes: `median of ${OPENINGS} openings in new profiles, from the navigation to the frame with rows`,
      }),
      row({
        name: "viewer scroll, p99 frame",
        unit: "ms",
        ours: ours.p99,
        spread: [ours.p50, ours.longest],
        floor: floor.p99,
        ratio_to_floor: round(ours.p99 / floor.p99),
        goal: `< ${GOAL_MS} ms`,
        met: ours.p99 < GOAL_MS,
        notes,
      }),
    ];
  } finally {
    await browser.close();
    await store.stop();
  }
}

/**
 * Milliseconds from the navigation to the frame in which `selector` is on the page.
 * @param {import("playwright-core").Browser} browser @param {string} url @param {string} selector
 */
async function opening(browser, url, selector) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.addInitScript((sought) => {
      const look = () => {
        if (document.querySelector(sought) === null) requestAnimationFrame(look);
        else Object.assign(window, { tabtapeFirst: performance.now() });
      };
      look();
    }, selector);
    await sleep(SETTLED_MS);
    await page.goto(url, { waitUntil: "commit" });
    // To wait in the page would run code there meanwhile.
    for (let look = 0; look < MOST_LOOKS; look++) {
      await sleep(SETTLED_MS);
      const shown = await page.evaluate(() => Reflect.get(window, "tabtapeFirst"));
      if (shown !== undefined) return round(shown);
    }
    throw new Error(`${url} showed no ${selector}`);
  } finally {
    await context.close();
  }
}

/**
 * Times between frames while the scroller goes from its first row to its last: half of the time in even steps over
 * all of it, half a notch of the wheel a frame from where that ended, backwards.
 * @param {import("playwright-core").Page} page @param {string} selector @param {number} seconds
 */
async function frames(page, selector, seconds) {
  /** @type {number[]} */
  const times = await page.locator(selector).evaluate(async (element, ms) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const end = element.scrollHeight - element.clientHeight;
    element.scrollTop = 0;
    for (let i = 0; i < 10; i++) await frame();
    const times = [];
    const begin = performance.now();
    let before = begin;
    for (let now = begin; now - begin < ms; ) {
      const share = (now - begin) / (ms / 2);
      if (share <= 1) element.scrollTop = end * share;
      else element.scrollTop -= 120;
      await frame();
      now = performance.now();
      times.push(now - before);
      before = now;
    }
    return times;
  }, seconds * 1000);
  return summary(times);
}

/** @param {number[]} times */
function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), longest: at(1) };
}
