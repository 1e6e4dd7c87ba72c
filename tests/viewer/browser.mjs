/** A browser on the viewer, which fails a test when the page reports an error of its own. */
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { findBrowser } from "../../scripts/lib/browser.mjs";

const FLAGS = [
  "--headless=new",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** @typedef {import("playwright-core").Page} Page */

export async function launch() {
  const browser = await findBrowser();
  if (browser === null) throw new Error("no browser found; set TABTAPE_BROWSER");
  return chromium.launch({
    executablePath: browser.file,
    args: [...FLAGS, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
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

/** The number of records the status line names. @param {Page} page */
export async function shown(page) {
  const text = await page.locator(".status-line").innerText();
  return Number(
    /([\d,]+)(?: of [\d,]+ events| records?\b)/.exec(text)?.[1]?.replaceAll(",", "") ?? Number.NaN,
  );
}
