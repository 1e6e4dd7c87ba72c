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
    own: true,
    leaveOut: () =>
      process.platform === "linux" && isRoot ? null : "mounting a small filesystem takes root on Linux",
    prepare(rig) {
      mkdirSync(rig.data, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", rig.data]);
    },
    cleanUp: (rig) => execFileSync("umount", ["--lazy", rig.data]),
    async run(rig, times) {
      const ballast = join(rig.data, "ballast");
      const tab = await rig.emitter("store_disk_full");
      let met = 0;
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(200)");
        fill(ballast);
        await tab.evaluate("emit(20, 20)");
        await rig.until("the collector to say that its disk is full", async () => {
          const { recorder } = await rig.command({ command: "status" });
          return /\b507\b/.test(recorder.collector.error ?? "");
        });
        met++;
        rmSync(ballast);
        await tab.evaluate("rest()");
        await rig.command({ command: "flush" }).catch(() => {});
        await sleep(500);
      }
      return `met ${met} times`;
    },
  },
  {
    name: "browser_quota_full",
    what: "the browser's storage quota is full for a while",
    times: { small: 1, full: 3 },
    own: true,
    // With it only the disk is a limit, and a test cannot fill that.
    prepare: (rig) => void rig.withheld.push("unlimitedStorage"),
    async run(rig, times) {
      const origin = `chrome-extension://${rig.extensionId}`;
      const tab = await rig.emitter("browser_quota_full", { pad: 2_000 });
      const met = new Set();
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(50)");
        await rig.command({ command: "flush" });
        // Nothing is acknowledged meanwhile, so nothing can be removed to make room.
        rig.proxy.rule = () => ({ answer: { status: 503 } });
        await tab.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
        await tab.evaluate("emit(20, 20)");
        await sleep(8_000);
        const { recorder } = await rig.command({ command: "status" });
        met.add(recorder.state);
        for (const { code } of recorder.problems) met.add(code);
        await tab.send("Storage.overrideQuotaForOrigin", { origin });
        rig.proxy.getWell();
        await tab.evaluate("rest()");
      }
      return [...met].join(" ");
    },
  },
];

/** Takes all that is left of a small filesystem. @param {string} file */
function fill(file) {
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOSPC") throw error;
    }
  }
}
