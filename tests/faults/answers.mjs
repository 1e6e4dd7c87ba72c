/** Requests and answers go wrong on their way. */
import { setTimeout as sleep } from "node:timers/promises";

/** How long a fault waits for a batch to meet. */
const MEET_MS = 60_000;

/**
 * While a page emits, batches go wrong; then the faults stop. Once as messages of a WebSocket, once as requests,
 * while no WebSocket opens.
 * @param {string} name @param {string} what @param {{ small: number, full: number }} seconds @param {(proxy: import("./proxy.mjs").FaultProxy) => void} goWrong
 * @returns {import("./suite.mjs").Scenario}
 */
const meets = (name, what, seconds, goWrong) => ({
  name,
  what,
  times: seconds,
  async run(rig, lasting) {
    const tab = await rig.emitter(name);
    await tab.evaluate("emit(10, 10)");
    const met = [];
    for (const carrier of /** @type {const} */ (["messages", "requests"])) {
      rig.proxy.takesMessages = carrier === "messages";
      await rig.proxy.answers(carrier);
      goWrong(rig.proxy);
      const began = performance.now();
      const lasts = (/** @type {number} */ ms) => performance.now() - began < ms;
      // After what the last carrier met, a recorder may still wait before it sends again.
      while (lasts(lasting * 1_000) || (rig.proxy.faulted[carrier] === 0 && lasts(MEET_MS))) await sleep(50);
      const { faulted, leaked } = rig.proxy;
      rig.proxy.getWell();
      rig.proxy.takesMessages = true;
      if (faulted[carrier] === 0) throw new Error(`none of the ${carrier} met the fault`);
      if (leaked > 0) throw new Error(`${leaked} requests reached a stranger`);
      met.push(`${faulted[carrier]} ${carrier}`);
    }
    await tab.evaluate("rest()");
    return `${met.join(" and ")} met it`;
  },
});

/** Every other batch. @param {import("./proxy.mjs").Fault} fault @returns {(proxy: import("./proxy.mjs").FaultProxy) => void} */
const everyOther = (fault) => (proxy) => {
  proxy.rule = (batch) => (batch.number % 2 === 1 ? fault : null);
};

const problem = (/** @type {string} */ code, more = {}) => ({
  code,
  detail: `the proxy says ${code}`,
  ...more,
});

/** @type {import("./suite.mjs").Scenario[]} */
export const answers = [
  meets(
    "answer_503",
    "503",
    { small: 2, full: 20 },
    everyOther({ answer: { status: 503, body: problem("busy") } }),
  ),
  meets(
    "answer_429",
    "429 with Retry-After: 1",
    { small: 3, full: 20 },
    everyOther({ answer: { status: 429, headers: { "retry-after": "1" }, body: problem("busy") } }),
  ),
  meets("answer_413", "413 for every body above 4 KB", { small: 2, full: 20 }, (proxy) => {
    const tooLarge = { answer: { status: 413, body: problem("body_too_large") } };
    proxy.rule = (batch) => (batch.text().length > 4_096 ? tooLarge : null);
  }),
  {
    name: "poison_record",
    what: "one record that a collector refuses, among others",
    times: { small: 1, full: 5 },
    async run(rig, times) {
      const tab = await rig.emitter("poison_record");
      rig.proxy.rule = (batch) => {
        const lines = batch.text().toString().split("\n");
        const line =
          lines.findIndex((text) => text.includes('"event"') && /poison_record\/\w+:77\b/.test(text)) + 1;
        return line === 0 ? null : { answer: { status: 400, body: problem("invalid_record", { line }) } };
      };
      for (let time = 0; time < times; time++) {
        await tab.evaluate("burst(200)");
        await rig.flushed();
        await tab.reload();
      }
      rig.proxy.getWell();
    },
  },
  meets(
    "request_reset",
    "the connection breaks in the middle of the request",
    { small: 2, full: 20 },
    (proxy) => {
      proxy.cutsRequest = (number) => number % 2 === 1;
    },
  ),
  meets(
    "response_lost",
    "the batch is stored and the answer is lost",
    { small: 2, full: 20 },
    everyOther({ loseResponse: true }),
  ),
  meets(
    "response_truncated",
    "the connection breaks in the middle of the answer",
    { small: 2, full: 20 },
    everyOther({ cutResponse: true }),
  ),
  meets(
    "receipt_cut",
    "half of a receipt arrives as if it were whole",
    { small: 2, full: 20 },
    everyOther({ cutReceipt: true }),
  ),
  meets(
    "connection_hangs",
    "the batch is stored, or not, and no answer comes",
    { small: 22, full: 90 },
    (proxy) => {
      proxy.rule = (batch) =>
        batch.number % 4 === 1 ? { hang: batch.number % 8 === 1 ? "stored" : "not stored" } : null;
    },
  ),
  meets(
    "ack_beyond",
    "the receipt acknowledges what was never sent",
    { small: 2, full: 20 },
    everyOther({ lie: (receipt) => ({ ...receipt, acked_seq: receipt.acked_seq + 1_000_000 }) }),
  ),
  meets(
    "ack_behind",
    "the receipt denies what was stored",
    { small: 2, full: 20 },
    everyOther({ lie: (receipt) => ({ ...receipt, acked_seq: Math.max(0, receipt.acked_seq - 300) }) }),
  ),
  meets("answer_endless", "an answer without end", { small: 2, full: 20 }, everyOther({ endless: true })),
  meets(
    "answer_redirect",
    "a redirect to another address, which must get nothing",
    { small: 2, full: 10 },
    (proxy) => {
      const location = `http://localhost:${new URL(proxy.url).port}/stolen`;
      everyOther({ answer: { status: 307, headers: { location }, isUnsealed: true } })(proxy);
    },
  ),
  meets(
    "impostor",
    "another process takes the collector's port, and can read neither token nor event",
    { small: 3, full: 10 },
    (proxy) => {
      // The collector's connections break as it ends, and the next to listen there is someone else.
      proxy.cutsRequest = () => {
        proxy.impostor = true;
        return true;
      };
    },
  ),
  meets(
    "impostor_at_once",
    "another process answers in the collector's place between two batches, and no connection breaks",
    { small: 3, full: 10 },
    (proxy) => {
      proxy.impostor = true;
    },
  ),
  {
    name: "impostor_of_connection",
    what: "another process has an open connection, while the collector has its port again",
    times: { small: 1, full: 5 },
    async run(rig, times) {
      const tab = await rig.emitter("impostor_of_connection");
      await tab.evaluate("emit(10, 10)");
      for (let time = 0; time < times; time++) {
        await rig.proxy.answers("messages");
        rig.proxy.capture();
        // A connection whose answer was not the collector's carries nothing more.
        await rig.proxy.answers("requests");
        await rig.proxy.answers("messages");
        const { messages } = rig.proxy.faulted;
        if (messages !== 1) throw new Error(`${messages} batches reached the impostor`);
      }
      await tab.evaluate("rest()");
    },
  },
  meets(
    "ack_of_another",
    "the receipt is of another store and session",
    { small: 2, full: 20 },
    everyOther({ lie: (receipt) => ({ ...receipt, store_id: "another", session: "another" }) }),
  ),
];
