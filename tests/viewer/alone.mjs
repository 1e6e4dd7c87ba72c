/** A browser that records with no collector anywhere, and its pages. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extensionCopy, launchBrowser, serviceWorker } from "../e2e/fixtures/browser.mjs";
import { closeAll, closeAtEnd } from "../e2e/fixtures/close.mjs";
import { servePages } from "../e2e/fixtures/pages.mjs";

/** @typedef {import("playwright-core").Page} Page */

export class Alone {
  /**
   * @param {string} folder @param {Awaited<ReturnType<typeof servePages>>} site
   * @param {import("playwright-core").BrowserContext} context @param {string} origin
   */
  constructor(folder, site, context, origin) {
    this.folder = folder;
    this.site = site;
    this.context = context;
    this.origin = origin;
    /** Errors that the extension's pages reported. @type {string[]} */
    this.errors = [];
  }

  /** @param {Record<string, string | import("../e2e/fixtures/pages.mjs").Handler>} pages */
  static async start(pages) {
    const folder = mkdtempSync(join(tmpdir(), "tabtape-alone-"));
    const extension = extensionCopy(join(folder, "extension"), { recording: true });
    const site = await servePages(pages);
    const context = await launchBrowser({ profile: join(folder, "profile"), extensions: [extension] });
    const worker = await serviceWorker(context);
    const alone = new Alone(folder, site, context, worker.url().replace(/\/worker\.js$/, ""));
    const popup = await alone.page("popup.html");
    await popup.getByRole("heading", { name: "Recording" }).waitFor();
    await popup.close();
    return alone;
  }

  /** Starts one for all tests of a file. It is closed after the last one. @param {Parameters<typeof Alone.start>[0]} pages */
  static async shared(pages) {
    const alone = await Alone.start(pages);
    closeAtEnd(() => alone.close());
    return alone;
  }

  /** A page of the extension; `front` is the tab that it watches. @param {string} path @param {Page} [front] */
  async page(path, front) {
    const page = await this.context.newPage();
    this.watch(page);
    if (front !== undefined) await seeInFront(page, front.url());
    await page.goto(`${this.origin}/${path}`);
    return page;
  }

  /** @param {Page} page */
  watch(page) {
    page.on("pageerror", (error) => this.errors.push(error.stack ?? error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
  }

  /** A page of the site. @param {string} path @param {string} [origin] */
  async visit(path, origin = this.site.origin) {
    const page = await this.context.newPage();
    await page.goto(origin + path);
    return page;
  }

  async close() {
    await closeAll(
      () => this.context.close(),
      () => this.site.close(),
      () => rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 }),
    );
  }
}

/** A popup opened in a tab is itself in front: it gets the tab below it. @param {Page} page @param {string} url */
export function seeInFront(page, url) {
  return page.addInitScript((front) => {
    const query = chrome.tabs.query.bind(chrome.tabs);
    /** @type {any} */ (chrome.tabs).query = async (/** @type {chrome.tabs.QueryInfo} */ what) =>
      what.active ? (await query({})).filter((tab) => tab.url === front) : query(what);
  }, url);
}
