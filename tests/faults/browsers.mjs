/** The browser dies with everything in it, and pages and tabs end in every other way. */
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** @type {import("./suite.mjs").Scenario[]} */
export const browsers = [
  {
    name: "browser_killed",
    what: "the whole browser is killed at random moments",
    times: { small: 2, full: 20 },
    emitterKilled: true,
    async run(rig, times) {
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("browser_killed");
        await tab.evaluate("emit(10, 10)");
        await sleep(700 + Math.random() * 1_000);
        await rig.killBrowser();
        await rig.startBrowser();
      }
    },
  },
  {
    name: "power_lost",
    what: "a loss of power takes the log's last second, of which the collector has had some",
    times: { small: 1, full: 5 },
    own: true,
    emitterKilled: true,
    async run(rig, times) {
      const logs = join(rig.profile, "Default", "IndexedDB");
      const copy = join(rig.folder, "older-logs");
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("power_lost");
        await tab.evaluate("emit(10, 10)");
        await sleep(700);
        // As on a disk that lost power: all writes up to some moment, and none after it.
        rig.pauseBrowser(() => cpSync(logs, copy, { recursive: true }));
        await sleep(1_000);
        await rig.flushed();
        await rig.killBrowser();
        rmSync(logs, { recursive: true });
        renameSync(copy, logs);
        await rig.startBrowser();
      }
    },
  },
  {
    name: "tab_crashed",
    what: "a tab's renderer crashes while it emits",
    times: { small: 2, full: 10 },
    emitterKilled: true,
    async run(rig, times) {
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("tab_crashed");
        await tab.evaluate("emit(10, 10)");
        await sleep(300 + Math.random() * 500);
        await tab.crash();
        await tab.close();
      }
    },
  },
  {
    name: "reload_and_back",
    what: "pages are reloaded, left and returned to while they emit",
    times: { small: 2, full: 10 },
    async run(rig, times) {
      const tab = await rig.emitter("reload_and_back");
      let restored = 0;
      for (let time = 0; time < times; time++) {
        await tab.evaluate("emit(10, 10)");
        await sleep(300);
        await tab.reload();
        await tab.evaluate("emit(10, 10)");
        await sleep(300);
        await tab.go(`${rig.site.otherOrigin}/blank`);
        await sleep(200);
        await tab.back();
        await sleep(300);
        restored += await tab.evaluate("restored");
        await tab.evaluate("rest()");
      }
      if (restored !== times) throw new Error(`${restored} of ${times} came back from the cache`);
    },
  },
  {
    name: "left_for_good",
    what: "pages are left, talking to the last, and not returned to",
    times: { small: 2, full: 10 },
    async run(rig, times) {
      const tab = await rig.emitter("left_for_good");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("emit(10, 10)");
        await sleep(300);
        // Another origin's page leaves this one in the back/forward cache, the same origin's need not.
        await tab.go(`${time % 2 === 0 ? rig.site.otherOrigin : rig.site.origin}/blank`);
        await sleep(200);
        await tab.go(rig.emitterUrl("left_for_good"));
      }
    },
  },
  {
    name: "extension_reloaded",
    what: "the extension is reloaded under pages that emit, once with much in hand and twice in a row",
    times: { small: 2, full: 10 },
    async run(rig, times) {
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("extension_reloaded");
        await tab.evaluate("emit(10, 20)");
        await sleep(300);
        await tab.evaluate("burst(3000)");
        await rig.reloadExtension();
        // Every other time before the heir has handed on what it inherited.
        if (time % 2 === 1) await rig.reloadExtension();
        await sleep(500);
        await tab.evaluate("rest()");
      }
    },
  },
];
