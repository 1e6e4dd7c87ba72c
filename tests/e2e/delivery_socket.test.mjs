/** A steady stream of batches goes through a WebSocket, which is closed when the stream ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const LINES = 100;

const rig = await sharedRig({
  pages: {
    "/steady": scripted(`
      let next = 0;
      const timer = setInterval(() => { console.log("line " + next++); if (next === ${LINES}) clearInterval(timer); }, 20);`),
  },
});

/** In the worker: counts what each WebSocket sends. */
const countMessages = () => {
  const sent = new Map();
  Object.assign(globalThis, { sent });
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    sent.set(this, (sent.get(this) ?? 0) + 1);
    send.call(this, data);
  };
};

const sockets = async () =>
  (await rig.worker()).evaluate(() =>
    [.../** @type {any} */ (globalThis).sent].map(([{ url, readyState }, sent]) => ({
      url,
      sent,
      isClosed: readyState === WebSocket.CLOSED,
    })),
  );

test("a steady stream goes through one WebSocket, which is closed in the silence after it", async () => {
  await (await rig.worker()).evaluate(countMessages);
  const page = await rig.open("/steady");
  await rig.until("type:console.log url:*/steady", (events) => events.length === LINES);
  const [socket, ...others] = await sockets();
  assert.deepEqual(others, []);
  assert.equal(socket?.url, `${rig.collector.url.replace("http", "ws")}/v1/sealed`);
  assert.equal(socket?.isClosed, false);
  // While nobody follows the stream, a batch is sent every 250 ms, for two seconds.
  assert.ok((socket?.sent ?? 0) >= 4, JSON.stringify(socket));

  await rig.poll("the connection to be closed", async () => (await sockets())[0]?.isClosed ?? false);
  await page.evaluate(() => console.log("after the silence"));
  await rig.until("after the silence", (events) => events.length === 1);
  assert.equal((await sockets()).length, 1, "a single batch needs no WebSocket");

  const records = await rig.collector.records("");
  assert.deepEqual(
    records.filter((record) => JSON.stringify(record).includes("/v1/sealed")),
    [],
    "our own requests are not recorded",
  );
  await page.close();
});
