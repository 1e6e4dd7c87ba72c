/** Requests of pages, counted by the pages' own server. */
import { Tab } from "./tab.mjs";

/** @typedef {import("./rig.mjs").Rig} Rig */

const EACH_TIME = 5;

/** Returns the mirrored events, which wait for the debugger's record. @param {Rig} rig @returns {Promise<any[]>} */
const heldEvents = (rig) =>
  rig.inWorker(
    `chrome.storage.session.get(null).then((all) => Object.entries(all)
      .filter(([key]) => key.startsWith("tabtape_held:")).map(([, step]) => step.taken.input))`,
  );

/** Returns the starts and ends of requests to the pages' own server that are stored. @param {Rig} rig */
const storedEvents = (rig) =>
  rig.collector.events("type:network.request,network.response,network.failed url:*/asked?*");

/** Throws unless the store has the start and the end of each request that the server was asked, once. @param {Rig} rig */
async function checkRequests(rig) {
  /** @type {string[]} */
  let wrong = [];
  const check = async () => {
    const events = await storedEvents(rig);
    wrong = [];
    for (const [name, times] of rig.asked) {
      const its = events.filter(({ url }) => url?.endsWith(`/asked?${name}`));
      const starts = its.filter(({ type }) => type === "network.request").length;
      const ends = its.length - starts;
      if (starts !== times || ends !== times)
        wrong.push(
          `${name}: the server was asked ${times} times; stored are ${starts} starts and ${ends} ends`,
        );
    }
    return wrong.length === 0;
  };
  await rig.until("every request to be stored once", check, 60_000).catch((error) => {
    throw wrong.length === 0 ? error : new Error(wrong.join("; "));
  });
}

/** @type {import("./suite.mjs").Scenario[]} */
export const requests = [
  {
    name: "requests_as_worker_dies",
    what: "the worker is stopped while webRequest's record of requests waits for the debugger's",
    times: { small: 2, full: 30 },
    own: true,
    emitterKilled: true,
    async run(rig, times) {
      const name = "requests_as_worker_dies";
      await rig.command({ command: "configure", patch: { categories: { network: { enabled: true } } } });
      await rig.command({ command: "debug", tab_id: "all", on: true });
      const tab = await Tab.open(rig.cdp, `${rig.site.origin}/blank`);
      rig.closeLater(tab);
      let met = 0;
      for (let time = 0; met < times; time++) {
        if (time >= 5 * times) throw new Error(`only ${met} of ${time} times the worker held something`);
        const id = `t${time}`;
        await tab.go(`${rig.speakerUrl(name, id)}&last=0`);
        await rig.until(
          "the debugger",
          async () => (await rig.command({ command: "status" })).debugger.tab_ids.length > 0,
        );
        await tab.evaluate("say(1)");
        // The protocol does not report what a page sends as it is left.
        const send = `navigator.sendBeacon("/asked?${id}-" + n, "")`;
        await tab.evaluate(
          `addEventListener("pagehide", () => { for (let n = 0; n < ${EACH_TIME}; n++) ${send}; })`,
        );
        await tab.go(`${rig.site.origin}/blank?${id}`);
        const isAsked = async () =>
          [...rig.asked.keys()].filter((one) => one.startsWith(`${id}-`)).length === EACH_TIME;
        await rig.until("the server to be asked", isAsked);
        let isHolding = false;
        // The browser does not repeat a step that was on its way when the worker died.
        await rig.until("both steps of each to be held or stored", async () => {
          const held = (await heldEvents(rig)).filter(({ url }) => url.includes(`/asked?${id}-`));
          const stored = (await storedEvents(rig)).filter(({ url }) => url?.includes(`/asked?${id}-`));
          isHolding = held.length > 0;
          const steps = [...held, ...stored].map(({ url, type }) => `${url} ${type === "network.request"}`);
          return new Set(steps).size === 2 * EACH_TIME;
        });
        // A beacon that is reported without its tab is not held.
        if (isHolding) met++;
        await rig.killWorker();
      }
      await checkRequests(rig);
      return `${rig.asked.size} requests`;
    },
  },
];
