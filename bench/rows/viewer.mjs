/**
 * Row: how long frames take while a list of a million records is scrolled from end to end, by jumps and by the
 * wheel. The floor is the same scroller with nothing in it, in the same browser.
 */
import { launch, open, shown, until } from "../../tests/viewer/browser.mjs";
import { COUNT, millionStore } from "../../tests/viewer/million.mjs";
import { round } from "../lib/stats.mjs";

const GOAL_MS = 50;

export const name = "viewer";
export const needsLargeStore = true;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const seconds = quick ? 3 : 20;
  const [store, browser] = await Promise.all([millionStore(), launch()]);
  try {
    const viewer = await open(browser, await store.link());
    const { page } = viewer;
    await until(
      () => shown(page),
      (n) => n === COUNT,
      "records",
      120_000,
    );
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
      {
        name: "viewer scroll, p99 frame",
        unit: "ms",
        ours: ours.p99,
        spread: [ours.p50, ours.longest],
        floor: floor.p99,
        peers: {},
        ratio_to_floor: round(ours.p99 / floor.p99),
        ratio_to_best_peer: null,
        goal: `< ${GOAL_MS} ms`,
        met: ours.p99 < GOAL_MS,
        notes,
      },
    ];
  } finally {
    await browser.close();
    await store.stop();
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
  const sorted = times.sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), longest: at(1) };
}
