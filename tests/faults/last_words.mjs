/** Lines that pages log as they end, or are left: delivered, or marked in coverage. */
import { setTimeout as sleep } from "node:timers/promises";
import { countLogged, everythingIsMarked, LOGGED } from "./said.mjs";
import { Tab } from "./tab.mjs";

/** @typedef {import("./rig.mjs").Rig} Rig */

/** Waits until the store has a line of document `id`. @param {Rig} rig @param {string} id */
const heardOf = (rig, id) =>
  rig.until(
    `a line of ${id}`,
    async () => (await rig.collector.events(`type:console.log url:*id=${id}`)).length > 0,
  );

/** Waits until a page has reported to its server. @param {Rig} rig @param {string} name @param {string} id @param {number} least */
const told = (rig, name, id, least) =>
  rig.until(`${id} to tell`, async () => rig.emitted.said(name, id) >= least);

/** A window that a page of its origin has opened. @param {Rig} rig @param {string} name @param {string} id */
async function popup(rig, name, id) {
  const opener = await Tab.open(rig.cdp, `${rig.site.origin}/blank`);
  rig.closeLater(opener);
  const expression = `void (window.popup = open(${JSON.stringify(rig.speakerUrl(name, id))}))`;
  await opener.send("Runtime.evaluate", { expression, userGesture: true });
  await rig.until("the window", () => opener.evaluate("typeof popup.say === 'function'"));
  return opener;
}

/** Ways in which a page ends that speaks to the last. @type {Record<string, (rig: Rig, name: string, id: string) => Promise<void>>} */
const ENDINGS = {
  async closedByOpener(rig, name, id) {
    const opener = await popup(rig, name, id);
    await opener.evaluate("popup.say(3)");
    await heardOf(rig, id);
    await opener.evaluate("popup.close()");
    await told(rig, name, id, 6);
  },
  async closesItself(rig, name, id) {
    const opener = await popup(rig, name, id);
    await opener.evaluate("popup.say(3)");
    await heardOf(rig, id);
    await opener.evaluate("void popup.setTimeout('say(5); close()')");
    await told(rig, name, id, 11);
  },
  /** Its only words are those that it says as it is closed. */
  async silentUntilClosed(rig, name, id) {
    const opener = await popup(rig, name, id);
    await opener.evaluate("popup.close()");
    await told(rig, name, id, 3);
  },
  /** A second or more after its last sign of life. */
  async closedAfterSilence(rig, name, id) {
    const opener = await popup(rig, name, id);
    await opener.evaluate("popup.say(3)");
    await heardOf(rig, id);
    await sleep(1_500);
    await opener.evaluate("popup.close()");
    await told(rig, name, id, 6);
  },
  async tabClosed(rig, name, id) {
    const tab = await Tab.open(rig.cdp, rig.speakerUrl(name, id));
    await tab.evaluate("say(3)");
    await heardOf(rig, id);
    await tab.close();
    await told(rig, name, id, 6);
  },
  async closedWhileBusy(rig, name, id) {
    const tab = await Tab.open(rig.cdp, rig.speakerUrl(name, id));
    tab.evaluate("sayForever(2)").catch(() => {});
    await heardOf(rig, id);
    await tab.close();
    await rig.until("the tab to be gone", async () => {
      const { targetInfos } = await rig.cdp.send("Target.getTargets");
      return targetInfos.every(
        (/** @type {{ targetId: string }} */ { targetId }) => targetId !== tab.targetId,
      );
    });
  },
};

/** @type {import("./suite.mjs").Scenario[]} */
export const lastWords = [
  {
    name: "words_at_the_end",
    what: "windows are closed by scripts and tabs while busy, and say something in that moment",
    times: { small: 1, full: 5 },
    ...LOGGED,
    async run(rig, times) {
      for (let time = 0; time < times; time++)
        for (const [ending, run] of Object.entries(ENDINGS))
          await run(rig, "words_at_the_end", ending + time);
      await everythingIsMarked(rig, "words_at_the_end");
    },
  },
  {
    name: "left_as_worker_starts",
    what: "a page speaks and goes to another at once, while no worker runs that could take its words",
    times: { small: 8, full: 40 },
    ...LOGGED,
    async run(rig, times) {
      const name = "left_as_worker_starts";
      const tab = await Tab.open(rig.cdp, `${rig.site.origin}/blank`);
      rig.closeLater(tab);
      for (let time = 0; time < times; time++) {
        // Whatever happens in a browser starts it again.
        await rig.until("the worker to be stopped", async () => {
          await rig.killWorker();
          return (await rig.workers()).length === 0;
        });
        const to = rig.speakerUrl(name, `t${time}`);
        const next = encodeURIComponent(`/blank?${time}`);
        tab.evaluate(`void (location.href = ${JSON.stringify(`${to}&next=${next}`)})`).catch(() => {});
        await rig.until("the next page", async () => (await urlOf(tab)).endsWith(`/blank?${time}`));
      }
      await everythingIsMarked(rig, name);
    },
  },
  {
    name: "left_as_worker_stops",
    what: "the worker is stopped in the moment in which a page leaves for the back/forward cache",
    times: { small: 10, full: 40 },
    ...LOGGED,
    async run(rig, times) {
      const name = "left_as_worker_stops";
      const tab = await Tab.open(rig.cdp, `${rig.site.otherOrigin}/blank`);
      rig.closeLater(tab);
      for (let time = 0; time < times; time++) {
        const id = `t${time}`;
        await tab.go(rig.speakerUrl(name, id));
        await tab.evaluate("say(5), void setInterval(log, 5, 3)");
        await heardOf(rig, id);
        await leave(rig, tab, name, id, time);
        // Every other one comes back and may send again; the others are gone for good.
        if (time % 2 === 0) await tab.back();
      }
      await tab.go(`${rig.site.otherOrigin}/blank`);
      await everythingIsMarked(rig, name);
      await countLogged(rig, name);
    },
  },
];

/** Leaves the page, and stops the worker some milliseconds before, in or after its `pagehide`. */
async function leave(
  /** @type {Rig} */ rig,
  /** @type {Tab} */ tab,
  /** @type {string} */ name,
  /** @type {string} */ id,
  /** @type {number} */ time,
) {
  const wait = [0, 2, 5, 10, 20, 40][time % 6] ?? 0;
  const hidden = new Promise((resolve) => {
    const stop = rig.emitted.onTold((ofName, of, _count, what) => {
      if (ofName !== name || !of.startsWith(`${id}_`) || what !== "pagehide") return;
      stop();
      resolve(undefined);
    });
  });
  const to = JSON.stringify(`${rig.site.otherOrigin}/blank`);
  // Every third time before the page has noticed.
  const isEarly = time % 3 === 2;
  tab.evaluate(`void (location.href = ${to})`).catch(() => {});
  const left = rig.until("the page to be left", async () => (await urlOf(tab)).endsWith("/blank"));
  // A beacon may be refused when many are on their way.
  if (!isEarly) await Promise.race([hidden, left]);
  if (wait > 0) await sleep(wait);
  await rig.killWorker();
  await left;
}

/** A page that is on its way into the back/forward cache answers nothing. @param {Tab} tab @returns {Promise<string>} */
const urlOf = (tab) =>
  Promise.race([tab.evaluate("document.readyState === 'complete' ? location.href : ''"), sleep(1_000, "")]);
