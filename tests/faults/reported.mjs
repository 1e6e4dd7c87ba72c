/**
 * Errors of documents that scripts write, and what workers with several debugged tabs say: each is stored once.
 *
 * The pages' own server counts them: the documents and workers report how many there were.
 */
import { Tab } from "./tab.mjs";

/** @typedef {import("./rig.mjs").Rig} Rig */

const EACH_TIME = 5;
/** Tabs that have a session of one service worker. */
const TABS = 3;

/** A worker of either kind: logs `NAME/ID:NUMBER`, throws the same as a string, and reports to the server how often. */
export const WORKER = `
  const name = new URL(location).searchParams.get("name");
  const id = Math.random().toString(36).slice(2, 10);
  let number = 0;
  const next = () => name + "/" + id + ":" + number++;
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("message", async ({ data: { lines, errors }, ports: [port] }) => {
    for (let n = 0; n < lines; n++) console.log(next());
    for (let n = 0; n < errors; n++) {
      const text = next();
      setTimeout(() => { throw text; });
    }
    await fetch("/emitted", { method: "POST", body: JSON.stringify({ name, id, count: number }) });
    port.postMessage("");
  });`;

/** Asks a worker to log and to throw, and waits until it has told the server. @param {string} worker An expression. */
const ask = (worker) => `(async () => {
  const worker = await ${worker};
  const { port1, port2 } = new MessageChannel();
  const answered = new Promise((done) => { port1.onmessage = done; });
  worker.postMessage({ lines: ${EACH_TIME}, errors: ${EACH_TIME} }, [port2]);
  await answered;
})()`;

/** Script elements that throw as they are parsed. @param {number} count */
const THROWING = (count) =>
  `Array.from({ length: ${count} }, () => "<script>throw '" + name + "/" + id + ":" + number++ + "'<\\/script>")`;

/** Waits until the store has something of this type. @param {Rig} rig @param {string} name @param {string} type */
const storedAny = (rig, name, type) =>
  rig.until(
    `a ${type} of ${name}`,
    async () => (await rig.collector.events(`type:${type} url:*name=${name}*`)).length > 0,
  );

/** @type {import("./suite.mjs").Scenario[]} */
export const reported = [
  {
    name: "errors_of_written_scripts",
    what: "documents are opened and written by scripts, and what is written throws at once",
    times: { small: 3, full: 30 },
    async run(rig, times) {
      const name = "errors_of_written_scripts";
      for (let time = 0; time < times; time++) {
        const tab = await Tab.open(rig.cdp, `${rig.speakerUrl(name, `t${time}`)}&last=0`);
        rig.closeLater(tab);
        await tab.evaluate(`(async () => {
          const frame = document.createElement("iframe");
          // Its address names whose errors these are.
          frame.src = "/blank?name=" + name;
          const loaded = new Promise((done) => { frame.onload = done; });
          document.body.append(frame);
          await loaded;
          const inner = frame.contentDocument;
          inner.open();
          for (const script of ${THROWING(EACH_TIME)}) inner.write(script);
          inner.close();
          tell("written");
        })()`);
        await tab.evaluate(`{
          const scripts = ${THROWING(EACH_TIME)};
          document.open();
          for (const script of scripts) document.write(script);
          document.close();
          tell("written");
        }`);
      }
      return `${2 * times} documents`;
    },
  },
  {
    name: "workers_with_several_tabs",
    what: `a service worker of ${TABS} debugged tabs and their workers log and throw`,
    times: { small: 2, full: 20 },
    own: true,
    async run(rig, times) {
      const name = "workers_with_several_tabs";
      await rig.command({ command: "debug", tab_id: "all", on: true });
      const attached = async () => (await rig.command({ command: "status" })).debugger.tab_ids.length;
      const service = "navigator.serviceWorker.ready.then(({ active }) => active)";
      const own = "globalThis.own";
      /** @type {Tab[]} */
      const tabs = [];
      for (let n = 0; n < TABS; n++) {
        const before = await attached();
        // By its address, what the page says of its worker's errors counts, too.
        const tab = await Tab.open(rig.cdp, `${rig.site.origin}/blank?name=${name}&n=${n}`);
        rig.closeLater(tab);
        tabs.push(tab);
        await rig.until("the tab to be attached to", async () => (await attached()) > before);
        if (n === 0) {
          await tab.evaluate(`navigator.serviceWorker.register("/worker.js?name=${name}").then(() => {})`);
          await tab.evaluate(ask(service));
          // Each session that comes later repeats these.
          await storedAny(rig, name, "console.exception");
        }
        await tab.evaluate(`void (${own} = new Worker("/worker.js?name=${name}"))`);
      }
      for (let time = 0; time < times; time++)
        for (const tab of tabs) {
          await tab.evaluate(ask(service));
          await tab.evaluate(ask(own));
        }
      return `${TABS} tabs`;
    },
  },
];
