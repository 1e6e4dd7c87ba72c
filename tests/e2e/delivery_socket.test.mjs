/** A steady stream of batches goes through a WebSocket, which is closed when the stream ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    "/steady": scripted(`
      let next = 0;
      const timer = setInterval(() => console.log("line " + next++), 20);
      window.finish = () => { clearInterval(timer); return next; };`),
  },
});

/** In the worker: counts what each WebSocket sends, and how many are made. */
const watchSockets = () => {
  const watched = { made: 0, sent: new Map() };
  Object.assign(globalThis, { watched });
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    watched.sent.set(this, (watched.sent.get(this) ?? 0) + 1);
    send.call(this, data);
  };
  globalThis.WebSocket = new Proxy(WebSocket, {
    construct: (target, args) => {
      watched.made++;
      return Reflect.construct(target, args);
    },
  });
};

const watched = async () =>
  (await rig.worker()).evaluate(() => {
    const { made, sent } = /** @type {any} */ (globalThis).watched;
    const sockets = [...sent].map(([{ url, readyState }, count]) => ({
      url,
      sent: count,
      isClosed: readyState === WebSocket.CLOSED,
    }));
    return { made, sockets };
  });

test("a steady stream goes through one WebSocket, which is closed in the silence after it", async () => {
  await (await rig.worker()).evaluate(watchSockets);
  const page = await rig.open("/steady");
  const address = `${rig.collector.url.replace("http", "ws")}/v1/sealed`;
  await rig.poll("a WebSocket that carries a stream", async () =>
    (await watched()).sockets.some(({ url, sent, isClosed }) => url === address && sent >= 4 && !isClosed),
  );
  const lines = await page.evaluate(() => /** @type {any} */ (window).finish());
  await rig.until("type:console.log url:*/steady", (events) => events.length === lines);

  await rig.poll("each WebSocket to be closed", async () =>
    (await watched()).sockets.every(({ isClosed }) => isClosed),
  );
  const { made } = await watched();
  await page.evaluate(() => console.log("after the silence"));
  await rig.until("after the silence", (events) => events.length === 1);
  assert.equal((await watched()).made, made, "a single batch needs no WebSocket");

  const records = await rig.collector.records("");
  assert.deepEqual(
    records.filter((record) => JSON.stringify(record).includes("/v1/sealed")),
    [],
    "our own requests are not recorded",
  );
  await page.close();
});
