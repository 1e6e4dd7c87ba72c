/** The collector dies, stays away, and comes back with another store. */
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("./rig.mjs").Rig} Rig */

const STORE_FILES = ["events.db", "index.db"].flatMap((base) => [base, `${base}-wal`, `${base}-shm`]);

/** Takes the store out of a stopped collector's folder; tokens and pairings stay. @param {Rig} rig */
function removeStore(rig) {
  for (const file of STORE_FILES) rmSync(join(rig.data, file), { force: true });
}

/** @type {import("./suite.mjs").Scenario[]} */
export const collectors = [
  {
    name: "collector_killed",
    what: "the collector is killed while it works on a batch",
    times: { small: 4, full: 50 },
    async run(rig, times) {
      const tab = await rig.emitter("collector_killed");
      await tab.evaluate("emit(20, 10)");
      for (let time = 0; time < times; time++) {
        await sleep(100 + Math.random() * 200);
        /** @type {Promise<unknown>} */
        let killed = Promise.resolve();
        // Not the first batch: after failures in a row a recorder waits longer and longer, up to a minute.
        const fatal = 2 + Math.floor(Math.random() * 4);
        const died = new Promise((resolve) => {
          rig.proxy.rule = ({ number }) => {
            if (number !== fatal) return null;
            const meanwhile = () => {
              killed = sleep(Math.random() * 6).then(() => rig.stopCollector("SIGKILL"));
              resolve(undefined);
            };
            return { meanwhile };
          };
        });
        await died;
        await killed;
        await sleep(Math.random() * 300);
        await rig.startCollector();
      }
      rig.proxy.getWell();
      await tab.evaluate("rest()");
    },
  },
  {
    name: "collector_down",
    what: "the collector is away while events flow",
    times: { small: 8, full: 180 },
    async run(rig, seconds) {
      const tab = await rig.emitter("collector_down");
      await tab.evaluate("emit(20, 20)");
      await sleep(300);
      await rig.stopCollector("SIGTERM");
      await sleep(seconds * 1_000);
      await rig.startCollector();
      await tab.evaluate("rest()");
    },
  },
  {
    name: "store_emptied",
    what: "the store is emptied: everything still held is sent again",
    times: { small: 1, full: 3 },
    own: true,
    async run(rig, times) {
      const tab = await rig.emitter("store_emptied");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(1500)");
        await rig.flushed();
        await rig.stopCollector();
        removeStore(rig);
        await rig.startCollector();
        await tab.evaluate("burst(100)");
      }
    },
  },
  {
    name: "store_restored",
    what: "the store is put back to an older copy, under a running browser and between two of its runs",
    times: { small: 1, full: 3 },
    own: true,
    async run(rig, times) {
      const copy = join(rig.folder, "copy");
      for (let time = 0; time < times; time++) {
        let tab = await rig.emitter("store_restored");
        await tab.evaluate("burst(500)");
        await rig.flushed();
        await rig.stopCollector();
        cpSync(rig.data, copy, { recursive: true });
        await rig.startCollector();
        await tab.evaluate("burst(1500)");
        await rig.flushed();
        await restore(rig, copy);
        await tab.evaluate("burst(100)");
        await rig.flushed();
        // The session in which everything was acknowledged is an older one now.
        await rig.browser?.close();
        await restore(rig, copy);
        await rig.startBrowser();
        tab = await rig.emitter("store_restored");
        await tab.evaluate("burst(100)");
        rmSync(copy, { recursive: true });
      }
    },
  },
  {
    name: "store_replaced",
    what: "another store takes the place of the paired one, and then the first one comes back",
    times: { small: 1, full: 3 },
    own: true,
    async run(rig, times) {
      const first = join(rig.folder, "first");
      const tab = await rig.emitter("store_replaced");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(800)");
        await rig.flushed();
        await rig.stopCollector();
        cpSync(rig.data, first, { recursive: true });
        removeStore(rig);
        await rig.startCollector();
        await tab.evaluate("burst(300)");
        await rig.flushed();
        await restore(rig, first);
        await tab.evaluate("burst(100)");
        rmSync(first, { recursive: true });
      }
    },
  },
];

/** Puts a copy of a stopped collector's folder in place of its store. @param {Rig} rig @param {string} copy */
async function restore(rig, copy) {
  await rig.stopCollector();
  removeStore(rig);
  for (const file of STORE_FILES) {
    if (existsSync(join(copy, file))) cpSync(join(copy, file), join(rig.data, file));
  }
  await rig.startCollector();
}
