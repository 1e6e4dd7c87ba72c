/** Disks fill up, clocks jump, and a page emits more in one tick than anyone can take. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRoot } from "../../scripts/lib/platform.mjs";

const HOUR_MS = 3_600_000;
/** Replaces the clock of a context by one that a scenario can move. */
const MOVABLE_CLOCK = `{
  const real = Date.now;
  globalThis.clockOffset ??= 0;
  Date.now = () => real() + globalThis.clockOffset;
}`;

/** @type {import("./suite.mjs").Scenario[]} */
export const limits = [
  {
    name: "burst_100000",
    what: "100,000 events in one tick",
    times: { small: 1, full: 3 },
    async run(rig, times) {
      const tab = await rig.emitter("burst_100000");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(100000)");
        await sleep(1_000);
      }
    },
  },
  {
    name: "clock_jumps",
    what: "the browser's wall clock jumps an hour back and forward",
    times: { small: 2, full: 10 },
    async run(rig, times) {
      const tab = await rig.emitter("clock_jumps", { firstScript: MOVABLE_CLOCK });
      await rig.inWorker(MOVABLE_CLOCK);
      await tab.evaluate("emit(10, 10)");
      for (let time = 0; time < times; time++) {
        for (const offset of [-HOUR_MS, HOUR_MS, 0]) {
          await rig.inWorker(`globalThis.clockOffset = ${offset}`);
          await tab.evaluate(`globalThis.clockOffset = ${offset}`);
          await sleep(200);
        }
      }
      await tab.evaluate("rest()");
    },
  },
  {
    name: "store_disk_full",
    what: "the disk under the collector's store is full for a while",
    times: { small: 1, full: 3 },
    ...onSmallDisk("data", "24m"),
    async run(rig, times) {
      const tab = await rig.emitter("store_disk_full");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(200)");
        const empty = fill(rig.data);
        await tab.evaluate("emit(20, 20)");
        await rig.untilRecorder("the collector to say that its disk is full", ({ collector }) =>
          /\b507\b/.test(collector.error ?? ""),
        );
        empty();
        await tab.evaluate("rest()");
        await sleep(500);
      }
    },
  },
  {
    name: "browser_disk_full",
    what: "the browser's storage is full for a while, and with it the quota of the extension",
    times: { small: 2, full: 4 },
    ...onSmallDisk("profile", "192m"),
    async run(rig, times) {
      const met = new Set();
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("browser_disk_full", { pad: 1_000 });
        await tab.evaluate("burst(50)");
        const empty = fill(rig.profile);
        await tab.evaluate("emit(10, 20)");
        await rig.untilRecorder("the log to fail", ({ state, problems }) => {
          for (const { code } of problems) met.add(code);
          return state !== "logged" || problems.length > 0;
        });
        // At first so shortly that commits are tried again, then so long that the session continues in memory.
        await sleep(time % 2 === 0 ? 1_000 : 8_000);
        met.add((await rig.command({ command: "status" })).recorder.state);
        empty();
        await tab.evaluate("rest()");
      }
      return [...met].join(", ");
    },
  },
  {
    name: "both_full_and_away",
    what: "the browser's storage is full while the collector is away: the session gets back into its log, and that is lost",
    times: { small: 1, full: 4 },
    ...onSmallDisk("profile", "192m"),
    async run(rig, times) {
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("both_full_and_away", { pad: 1_000 });
        await rig.stopCollector("SIGTERM");
        await tab.evaluate("burst(50)");
        const empty = fill(rig.profile);
        await tab.evaluate("emit(10, 20)");
        await inMemory(rig);
        await sleep(1_000);
        empty();
        await tab.evaluate("rest()");
        await inLog(rig);
        // It takes nothing along. But Chromium may find its database damaged and clear it, as is done here at first.
        if (time % 2 === 0) await rig.clearDatabases();
        await rig.killWorker();
        await rig.startCollector();
        await tab.evaluate("burst(20)");
        await rig.flushed();
      }
    },
  },
  {
    name: "worker_killed_in_memory",
    what: "the worker is killed while its session, whose log failed, continues in memory: the loss is recorded",
    times: { small: 2, full: 6 },
    ...onSmallDisk("profile", "192m"),
    async run(rig, times) {
      for (let time = 0; time < times; time++) {
        const tab = await rig.emitter("worker_killed_in_memory", { pad: 1_000 });
        await tab.evaluate("burst(50)");
        const empty = fill(rig.profile);
        await tab.evaluate("emit(10, 20)");
        await inMemory(rig);
        await tab.evaluate("rest()");
        // A flush also waits for older sessions, whose records cannot be read while the disk is full.
        await rig.untilRecorder(
          "memory to be delivered",
          ({ collector, latest_seq }) => collector.acked_seq === latest_seq,
        );
        // At first memory alone holds what is said before the end, then also what is said while it comes.
        if (time % 2 === 0) {
          await rig.stopCollector("SIGTERM");
          await tab.evaluate("burst(100)");
          await rig.untilRecorder("the burst to be in memory", ({ backlog_events }) => backlog_events >= 100);
          // The next one may have no log either, and must hand on what the one before it has left.
          if (time % 4 === 2) {
            await rig.killWorker();
            await tab.evaluate("emit(10, 20)");
            await inMemory(rig);
            await tab.evaluate("rest()");
          }
          empty();
          await rig.killWorker();
          await rig.startCollector();
        } else {
          empty();
          await rig.killWorker();
        }
        await tab.evaluate("burst(100)");
        await inLog(rig);
      }
    },
  },
  {
    name: "browser_quota_full",
    what: "the extension's quota is used up while the collector is away: the oldest records go, and gaps say so",
    times: { small: 0, full: 2 },
    own: true,
    prepare: (rig) => {
      rig.isLimited = true;
    },
    async run(rig, times) {
      const tab = await rig.emitter("browser_quota_full", { pad: 4_000 });
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(100)");
        await rig.flushed();
        await rig.stopCollector("SIGTERM");
        await rig.limitQuota(8 << 20);
        const began = Date.now() * 1_000;
        await tab.evaluate("emit(5, 20)");
        // Chromium looks at what is used only every half minute.
        const isNew = (/** @type {{ code: string, ts: number }} */ { code, ts }) =>
          code === "quota_exceeded" && ts > began;
        await rig.untilRecorder("the quota to be used up", ({ problems }) => problems.some(isNew), 90_000);
        await sleep(2_000);
        await tab.evaluate("rest()");
        await rig.limitQuota(null);
        await rig.startCollector();
        await rig.flushed();
      }
    },
  },
];

/** @param {import("./rig.mjs").Rig} rig */
const inMemory = (rig) =>
  rig.untilRecorder("the session to continue in memory", ({ state }) => state === "volatile");

/** @param {import("./rig.mjs").Rig} rig */
const inLog = (rig) =>
  rig.untilRecorder("the session to continue in its log", ({ state }) => state === "logged", 60_000);

/**
 * Returns the fields of a scenario whose rig has this folder on a small filesystem of its own.
 * @param {"profile" | "data"} folder @param {string} size
 * @returns {Pick<import("./suite.mjs").Scenario, "own" | "leaveOut" | "prepare" | "cleanUp">}
 */
function onSmallDisk(folder, size) {
  const canMount = process.platform === "linux" && isRoot;
  return {
    own: true,
    leaveOut: () => (canMount ? null : "mounting a small filesystem takes root on Linux"),
    prepare(rig) {
      mkdirSync(rig[folder], { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", rig[folder]]);
    },
    cleanUp: (rig) => execFileSync("umount", ["--lazy", rig[folder]]),
  };
}

/** Takes all that is left of a small filesystem. Returns how to give it back. @param {string} folder */
function fill(folder) {
  const file = join(folder, "ballast");
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOSPC") throw error;
    }
  }
  return () => rmSync(file);
}
