/** The service worker dies, in every way it can, at random moments, while a page emits. */
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("./rig.mjs").Rig} Rig */

/** How the worker is ended; `false` when it had ended before. @type {Record<string, (rig: Rig) => Promise<unknown>>} */
const DEATHS = {
  async worker_stopped(rig) {
    const tab = await rig.cdp.send("Target.getTargets");
    const page = tab.targetInfos.find((/** @type {{ type: string }} */ { type }) => type === "page");
    const { sessionId } = await rig.cdp.send("Target.attachToTarget", {
      targetId: page.targetId,
      flatten: true,
    });
    await rig.cdp.send("ServiceWorker.enable", {}, sessionId);
    await rig.cdp.send("ServiceWorker.stopAllWorkers", {}, sessionId);
    await rig.cdp.send("Target.detachFromTarget", { sessionId });
  },
  async worker_target_closed(rig) {
    const [worker] = await rig.workers();
    if (worker === undefined) return false;
    return rig.cdp.send("Target.closeTarget", { targetId: worker.targetId }).catch(() => false);
  },
  async worker_process_killed(rig) {
    for (const pid of rig.extensionProcesses()) process.kill(pid, "SIGKILL");
  },
};

/** @param {string} name @param {{ small: number, full: number }} times @returns {import("./suite.mjs").Scenario} */
const dies = (name, { small, full }) => ({
  name,
  what: "the worker dies at random moments",
  times: { small, full },
  async run(rig, times) {
    const tab = await rig.emitter(name);
    await tab.evaluate("emit(10, 10)");
    let deaths = 0;
    while (deaths < times) {
      await sleep(150 + Math.random() * 450);
      if ((await rig.workers()).length === 0) continue;
      if ((await DEATHS[name]?.(rig)) !== false) deaths++;
    }
    await sleep(300);
    await tab.evaluate("rest()");
  },
});

/** @type {import("./suite.mjs").Scenario[]} */
export const workers = [
  dies("worker_stopped", { small: 5, full: 34 }),
  dies("worker_target_closed", { small: 5, full: 33 }),
  dies("worker_process_killed", { small: 3, full: 33 }),
  {
    name: "worker_stopped_undelivered",
    what: "a worker that has just begun is stopped with a log that the collector lacks, and no event wakes the next",
    times: { small: 1, full: 5 },
    own: true,
    async run(rig, times) {
      const tab = await rig.emitter("worker_stopped_undelivered");
      for (let time = 0; time < times; time++) {
        await rig.killWorker();
        // It wakes the next worker, which has nothing to deliver after a second.
        await rig.command({ command: "status" });
        await sleep(1_100);
        rig.proxy.rule = () => ({ hang: "not stored" });
        await tab.evaluate("burst(100)");
        // The log has them by then, and the page an acknowledgement.
        await sleep(500);
        const its = (await rig.workers()).map(({ targetId }) => targetId);
        await rig.killWorker();
        const isThere = async () => (await rig.workers()).some(({ targetId }) => its.includes(targetId));
        await rig.until("that worker to end", async () => !(await isThere()));
        rig.proxy.getWell();
      }
    },
  },
  {
    name: "worker_idle",
    what: "the worker is ended by the browser for being idle, and a page continues later",
    times: { small: 0, full: 2 },
    async run(rig, times) {
      const tab = await rig.emitter("worker_idle");
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(500)");
        await rig.until("the worker to take that", async () => (await rig.workers()).length > 0);
        await rig.until("the idle worker to end", async () => (await rig.workers()).length === 0, 120_000);
      }
      await tab.evaluate("burst(500)");
    },
  },
];
