/** The browser dies with everything in it, and pages and tabs end in every other way. */
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { countLogged, coverageOf, LOGGED, lostWhileWatched } from "./said.mjs";
import { Tab } from "./tab.mjs";

/** The session that is being written. @param {import("./rig.mjs").Rig} rig */
const newest = async (rig) => (await coverageOf(rig))[0];

/** How far the recorder has confirmed that it watched. @param {import("./rig.mjs").Rig} rig @returns {Promise<number>} */
async function watchedUntil(rig) {
  const row = await rig.inWorker(`new Promise((resolve, reject) => {
    const opening = indexedDB.open("tabtape");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const reading = opening.result.transaction("meta").objectStore("meta").get("watched_until");
      reading.onerror = () => reject(reading.error);
      reading.onsuccess = () => (opening.result.close(), resolve(reading.result));
    };
  })`);
  return JSON.parse(row).until.until_ts;
}

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
    name: "killed_while_busy",
    what: "the browser is killed while one tab writes and another is too busy to send what it said",
    times: { small: 2, full: 10 },
    ...LOGGED,
    async run(rig, times) {
      const name = "killed_while_busy";
      let lost = 0;
      for (let time = 0; time < times; time++) {
        const began = Date.now() * 1_000;
        const writer = await Tab.open(rig.cdp, rig.speakerUrl(name, `writer${time}`));
        const busy = await Tab.open(rig.cdp, rig.speakerUrl(name, `busy${time}`), { newWindow: true });
        await busy.evaluate("say(1)");
        await writer.evaluate("void setInterval(log, 20, 2)");
        await rig.until("a heartbeat", async () => (await watchedUntil(rig)) > began);
        const { session } = await newest(rig);
        // Every other time the page is slow instead, and says something all the time.
        const isSlow = time % 2 === 1;
        if (isSlow) {
          await busy.send("Emulation.setCPUThrottlingRate", { rate: 20 });
          await busy.evaluate("void setInterval(log, 20, 20)");
          await sleep(1_000 + Math.random() * 4_000);
        } else {
          const said = (await newest(rig)).last_ts;
          busy.evaluate("sayAndBlock(20, 60_000)").catch(() => {});
          // Long enough that a beat, which the busy page does not answer, has been stored.
          const soon = said + 8_000_000;
          await rig.until("the other tab to continue", async () => (await newest(rig)).last_ts > soon);
        }
        await rig.killBrowser();
        await rig.startBrowser();
        await rig.flushed();
        await rig.until("the end of the session to be known", async () => {
          const ended = (await coverageOf(rig)).find((other) => other.session === session);
          return ended.watched.every((/** @type {any} */ { to_ts }) => to_ts !== null);
        });
        const ended = (await coverageOf(rig)).find((other) => other.session === session);
        if (!ended.watched.some((/** @type {any} */ { to_ts }) => to_ts > began))
          throw new Error(`nothing counts as watched: ${JSON.stringify(ended)}`);
        const claims = await lostWhileWatched(rig, name);
        if (claims.found.length > 0)
          throw new Error(`lost in time that is called watched: ${claims.found}; ${JSON.stringify(ended)}`);
        if (!isSlow && claims.lost === lost) throw new Error("the busy tab has lost nothing");
        lost = claims.lost;
      }
      await countLogged(rig, name);
      return `${lost} lines lost, none of them in time that is called watched`;
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
      // The browser may throw a page out of its cache, under load.
      for (let time = 0; restored < times; time++) {
        if (time >= times + 2) throw new Error(`only ${restored} of ${time} came back from the cache`);
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
        // Every other time before the successor has handed on what it inherited.
        if (time % 2 === 1) await rig.reloadExtension();
        await sleep(500);
        await tab.evaluate("rest()");
        // The next page begins with its first line.
        await rig.untilScriptsAreRegistered();
      }
    },
  },
];
