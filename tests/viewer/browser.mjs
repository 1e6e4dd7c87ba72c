/** A browser on the viewer, which fails a test when the page reports an error of its own. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { launch } from "../e2e/fixtures/browser.mjs";
import { closeAtEnd } from "../e2e/fixtures/close.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Starts a browser on a store for all tests of a file. Both are closed after the last one. @param {Promise<import("./collector.mjs").Store>} starting */
export async function sharedViewer(starting) {
  const [store, browser] = await Promise.all([starting, launch()]);
  closeAtEnd(() => store.stop());
  closeAtEnd(() => browser.close());
  return {
    store,
    browser,
    /** Opens a viewer that stays open. @param {string} [search] @param {import("playwright-core").BrowserContextOptions} [options] */
    async view(search, options) {
      const viewer = await open(browser, await store.link(search), options);
      closeAtEnd(viewer.close);
      return viewer.page;
    },
  };
}

/**
 * A page in a profile of its own.
 * @param {import("playwright-core").Browser} browser @param {string} url
 * @param {import("playwright-core").BrowserContextOptions} [options]
 */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.stack ?? error.message));
  page.on("console", (message) => {
    // A policy violation is a console error; a refused request is what some tests are about.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    async close() {
      await context.close();
      assert.deepEqual(errors, [], "the page reported errors");
    },
  };
}

/** The texts of the rows in view. @param {Page} page */
export function rows(page) {
  return page.locator(".row").allInnerTexts();
}

/** Waits until `probe` gives what is expected, and says what it gave last. @template T @param {() => Promise<T>} probe @param {(value: T) => boolean} expected @param {string} what */
export async function until(probe, expected, what, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (expected(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: still ${JSON.stringify(value)} after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** Waits until the status line names so many records. @param {Page} page @param {number} count @param {string} [what] @param {number} [ms] */
export function untilShown(page, count, what = "records", ms) {
  const isAll = (/** @type {number} */ n) => n === count;
  return until(() => shown(page), isAll, what, ms);
}

/** @param {Page} page @param {string} q */
export async function filterBy(page, q) {
  const field = page.getByRole("combobox", { name: "Filter events" });
  await field.fill(q);
  await field.press("Enter");
}

/** The download that `start` begins. @param {Page} page @param {() => Promise<void>} start */
export async function downloaded(page, start) {
  const [download] = await Promise.all([page.waitForEvent("download"), start()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
}

/** Exports what the viewer shows, and returns the file. @param {Page} page @param {RegExp} format */
export async function exported(page, format) {
  await page.getByRole("button", { name: "Export" }).click();
  return downloaded(page, () => page.getByRole("button", { name: format }).click());
}

/** The number of records the status line names. @param {Page} page */
export async function shown(page) {
  const text = await page.locator(".status-line").innerText();
  return Number(
    /([\d,]+)(?: of [\d,]+ events| records?\b)/.exec(text)?.[1]?.replaceAll(",", "") ?? Number.NaN,
  );
}
