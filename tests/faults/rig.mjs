/**
 * A recording browser, a proxy and a collector, each of which can be killed and started again.
 *
 * Nothing is attached to the extension's worker unless a scenario says so: a debugger would keep it alive.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requiredBrowser } from "../../scripts/lib/browser.mjs";
import { launch } from "../../scripts/lib/launch.mjs";
import { descends, processes } from "../../scripts/lib/processes.mjs";
import { extensionId } from "../../scripts/lib/recorder.mjs";
import { extensionCopy } from "../e2e/fixtures/browser.mjs";
import { startCollector } from "../e2e/fixtures/collector.mjs";
import { servePages } from "../e2e/fixtures/pages.mjs";
import { gapsIn, settle } from "./ledger.mjs";
import { FaultProxy } from "./proxy.mjs";
import { WORKER } from "./reported.mjs";
import { SPEAKER } from "./said.mjs";
import { EMITTER, Emitted, Tab } from "./tab.mjs";

const READY_MS = 120_000;
const SETTLE_MS = 90_000;

/** Only what the ledger counts is captured, so that every gap is one of its lines. */
const CONSOLE_ONLY = {
  categories: {
    network: { enabled: false },
    page: { enabled: false },
    tab: { enabled: false },
    interaction: { enabled: false },
  },
};

export class Rig {
  /** @type {import("../e2e/fixtures/collector.mjs").Collector | null} */
  #collector = null;
  #listen = "127.0.0.1:0";
  /** @type {Awaited<ReturnType<typeof launch>> | null} */
  browser = null;
  /** @type {Tab[]} */
  #tabs = [];
  /** @type {Tab | null} */
  #quotaTab = null;
  folder = mkdtempSync(join(tmpdir(), "tabtape-faults-"));
  extension = join(this.folder, "extension");
  profile = join(this.folder, "profile");
  /** Folder of the collector's store. */
  data = join(this.folder, "data");
  extensionId = "";
  /** The browser holds the extension to a quota. */
  isLimited = false;
  /** The browser writes what pages say into its own log: see `said.mjs`. */
  logsConsole = false;
  /** The browser's own output. */
  browserLog = join(this.folder, "browser.log");
  proxy = new FaultProxy(() => this.collector);

  /**
   * @param {Awaited<ReturnType<typeof servePages>>} site @param {Emitted} emitted
   * @param {Map<string, number>} asked Requests of `/asked` by their query, counted by the server.
   */
  constructor(site, emitted, asked) {
    this.site = site;
    this.emitted = emitted;
    this.asked = asked;
  }

  /** @param {(rig: Rig) => unknown} [prepare] Before anything is started. */
  static async start(prepare) {
    const emitted = new Emitted();
    /** @type {Map<string, number>} */
    const asked = new Map();
    const pages = {
      "/emit": EMITTER,
      "/speak": SPEAKER,
      "/worker.js": (
        /** @type {unknown} */ _,
        /** @type {import("node:http").ServerResponse} */ response,
      ) => {
        response.writeHead(200, { "content-type": "text/javascript" }).end(WORKER);
      },
      "/blank": "<title>blank</title>",
      "/emitted": emitted.handler,
      "/asked": (
        /** @type {import("node:http").IncomingMessage} */ request,
        /** @type {import("node:http").ServerResponse} */ response,
      ) => {
        const name = new URL(request.url ?? "", "http://localhost").search.slice(1);
        asked.set(name, (asked.get(name) ?? 0) + 1);
        response.writeHead(204).end();
      },
    };
    const rig = new Rig(await servePages(pages), emitted, asked);
    try {
      await prepare?.(rig);
      await rig.proxy.listen();
      const collector = await rig.startCollector();
      extensionCopy(rig.extension, {
        collector: { ...collector.target, url: rig.proxy.url },
        recording: true,
        capture: CONSOLE_ONLY,
      });
      if (rig.isLimited) limitStorage(rig.extension);
      rig.extensionId = extensionId(rig.extension);
      await rig.startBrowser();
      return rig;
    } catch (error) {
      await rig.close();
      throw error;
    }
  }

  get collector() {
    if (this.#collector === null) throw new Error("the collector is not running");
    return this.#collector;
  }

  async startCollector() {
    this.#collector = await startCollector(this.data, this.#listen);
    this.#listen = new URL(this.#collector.url).host;
    return this.#collector;
  }

  /** @param {NodeJS.Signals} [signal] */
  async stopCollector(signal) {
    await this.#collector?.stop(signal);
  }

  async startBrowser() {
    this.browser = await launch({
      browser: await requiredBrowser(),
      profile: this.profile,
      extension: this.extension,
      url: "about:blank",
      headless: true,
      log: this.browserLog,
      hush: true,
      args: this.logsConsole ? ["--enable-logging=stderr", "--v=0"] : [],
    });
    await this.until("the extension to record", async () => {
      const status = await this.command({ command: "status" });
      if (status.failure !== null) throw new Error(status.failure);
      return status.recording && status.recorder !== null;
    });
    await this.untilScriptsAreRegistered();
  }

  /** From then on a page is recorded from its first line: a worker that has just begun registers its scripts last of all. */
  async untilScriptsAreRegistered() {
    const scripts = "chrome.scripting.getRegisteredContentScripts()";
    await this.until("the content scripts", async () => (await this.#inPopup(scripts)).length > 0);
  }

  /** The browser dies at once, with everything in it. */
  async killBrowser() {
    const { browser } = this;
    browser?.kill();
    await browser?.exited;
  }

  /** Nothing of the browser runs during `work`. @param {() => void} work */
  pauseBrowser(work) {
    const pids = processes(({ pid }) => descends(pid, this.browser?.pid));
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    try {
      work();
    } finally {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    }
  }

  get cdp() {
    if (this.browser === null) throw new Error("the browser is not running");
    return this.browser.cdp;
  }

  /** A command as the popup gives it. @param {object} command @returns {Promise<any>} */
  async command(command) {
    const answer = await this.#inPopup(`chrome.runtime.sendMessage(${JSON.stringify(command)})`);
    if (answer?.error !== undefined) throw new Error(answer.error);
    return answer?.ok;
  }

  /** @param {string} expression @returns {Promise<any>} */
  async #inPopup(expression) {
    const url = `chrome-extension://${this.extensionId}/popup.html`;
    // In the background: a page that is hidden emits once per second.
    const tab = await Tab.open(this.cdp, url, { background: true });
    try {
      return await tab.evaluate(expression);
    } finally {
      await tab.close();
    }
  }

  /** Waits until the recorder's status is as `isSo` says. @param {string} what @param {(recorder: any) => boolean} isSo @param {number} [milliseconds] */
  untilRecorder(what, isSo, milliseconds) {
    const isNow = async () => isSo((await this.command({ command: "status" })).recorder);
    return this.until(what, isNow, milliseconds);
  }

  /** Everything is delivered; short failures are waited out. */
  async flushed() {
    await this.until("everything to be delivered", () => this.command({ command: "flush" }).then(() => true));
  }

  /** The extension's worker, while it lives. @returns {Promise<{ targetId: string }[]>} */
  async workers() {
    const { targetInfos } = await this.cdp.send("Target.getTargets");
    return targetInfos.filter(
      (/** @type {{ type: string, url: string }} */ { type, url }) =>
        type === "service_worker" && url.includes(this.extensionId),
    );
  }

  /** The worker is stopped, some milliseconds from now. */
  async killWorker() {
    for (const { targetId } of await this.workers()) await this.cdp.send("Target.closeTarget", { targetId });
  }

  /** The extension's databases are gone, as when the browser finds them damaged. */
  async clearDatabases() {
    const origin = `chrome-extension://${this.extensionId}`;
    const tab = await Tab.open(this.cdp, "about:blank", { background: true });
    await tab.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await tab.close();
  }

  /** Runs `expression` in the worker, and leaves it as it was. @param {string} expression */
  async inWorker(expression) {
    const [worker] = await this.workers();
    if (worker === undefined) throw new Error("there is no worker");
    const { sessionId } = await this.cdp.send("Target.attachToTarget", {
      targetId: worker.targetId,
      flatten: true,
    });
    const evaluate = { expression, awaitPromise: true, returnByValue: true };
    const { result } = await this.cdp.send("Runtime.evaluate", evaluate, sessionId);
    await this.cdp.send("Target.detachFromTarget", { sessionId });
    return result.value;
  }

  /** Reloads the extension, as a person does on chrome://extensions, and waits for its next worker. */
  async reloadExtension() {
    const before = new Set((await this.workers()).map(({ targetId }) => targetId));
    await this.until("the reloaded extension's worker", async () => {
      if ((await this.workers()).some(({ targetId }) => !before.has(targetId))) return true;
      // A worker is listed before its script has run, and then there is no `chrome` yet.
      // And one that ends under a question may leave it unanswered.
      await Promise.race([this.inWorker("void chrome.runtime.reload()").catch(() => {}), sleep(1_000)]);
      return false;
    });
  }

  /** Lets a limited extension store no more than so much; null: what the browser allows. @param {number | null} bytes */
  async limitQuota(bytes) {
    const origin = `chrome-extension://${this.extensionId}`;
    // It holds for as long as the tab that asked for it is attached.
    this.#quotaTab ??= await Tab.open(this.cdp, `${origin}/popup.html`, { background: true });
    const quota = bytes === null ? {} : { quotaSize: bytes };
    await this.#quotaTab.send("Storage.overrideQuotaForOrigin", { origin, ...quota });
  }

  /** The processes that run extensions. */
  extensionProcesses() {
    return processes(
      ({ pid, command }) =>
        command.includes("--extension-process") &&
        command.includes("--type=renderer") &&
        descends(pid, this.browser?.pid),
    );
  }

  /**
   * A tab that emits under `name`. It stays open until everything is accounted for: what a page says as its tab is
   * closed may be lost with it.
   * @param {string} name @param {{ pad?: number, firstScript?: string }} [options]
   */
  async emitter(name, { pad = 0, firstScript } = {}) {
    const tab = await Tab.open(this.cdp, this.emitterUrl(name, pad), { firstScript });
    this.#tabs.push(tab);
    return tab;
  }

  /** A page that logs what a test asks for, under its own name: see `said.mjs`. @param {string} name @param {string} id */
  speakerUrl(name, id) {
    return `${this.site.origin}/speak?name=${name}&id=${id}`;
  }

  /** Closes `tab` when the scenario is over. @param {Tab} tab */
  closeLater(tab) {
    this.#tabs.push(tab);
  }

  /** @param {string} name */
  emitterUrl(name, pad = 0) {
    return `${this.site.origin}/emit?name=${name}&pad=${pad}`;
  }

  async closeTabs() {
    for (const tab of this.#tabs.splice(0)) await tab.close();
  }

  /** Before a scenario begins. */
  async gapsBefore() {
    return gapsIn(this.collector);
  }

  /**
   * @param {string} name @param {Record<string, number>} gapsBefore
   * @param {{ emitterKilled?: boolean, limitMs?: number }} [options]
   */
  ledger(name, gapsBefore, { emitterKilled = false, limitMs = SETTLE_MS } = {}) {
    const collector = () => this.collector;
    return settle({ name, collector, emitted: this.emitted.of(name), gapsBefore, emitterKilled, limitMs });
  }

  /** @param {string} what @param {() => Promise<boolean>} done */
  async until(what, done, milliseconds = READY_MS) {
    const deadline = Date.now() + milliseconds;
    /** @type {unknown} */
    let last = null;
    while (Date.now() < deadline) {
      try {
        if (await done()) return;
        last = null;
      } catch (error) {
        last = error;
      }
      await sleep(50);
    }
    throw new Error(`waited ${milliseconds} ms for ${what}${last === null ? "" : `: ${last}`}`);
  }

  /** @param {(rig: Rig) => unknown} [cleanUp] */
  async close(cleanUp) {
    await this.killBrowser();
    await this.proxy.close();
    await this.stopCollector();
    await this.site.close();
    cleanUp?.(this);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Takes the permission that lifts the browser's quota away from a copy of the extension. @param {string} extension */
function limitStorage(extension) {
  const file = join(extension, "manifest.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  manifest.permissions = manifest.permissions.filter(
    (/** @type {string} */ name) => name !== "unlimitedStorage",
  );
  writeFileSync(file, JSON.stringify(manifest));
}
