/** The debugger producer: what only the DevTools protocol sees, without doubling what the rest has seen. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { startRig } from "./fixtures/rig.mjs";

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
/** @type {import("playwright-core").Page} */
let page;
/** @type {number} */
let tabId;
before(async () => {
  rig = await startRig({
    args: ["--silent-debugger-extension-api"],
    capture: { categories: { network: { detail_level: "verbose" } } },
    pages: {
      "/page": "<!doctype html><title>debugged</title>",
      "/data": (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end('{"answer":42}'),
      "/hop": (_, response) => response.writeHead(302, { location: "/data?hopped" }).end(),
      "/reset": (request) => request.socket.destroy(),
      "/worker.js": (_, response) =>
        response
          .writeHead(200, { "content-type": "text/javascript" })
          .end(
            `console.log("in a worker", { a: 1 }); onmessage = () => { throw new Error("thrown in a worker") }`,
          ),
    },
  });
  acceptWebSockets(rig.site.server);
  page = await rig.open("/page");
  tabId = Number((await rig.event("page.settled", "/page")).source.metadata.tab_id);
  await rig.command({ command: "debug", tab_id: tabId, on: true });
});
after(() => rig.close());

/** A server that says back what it is told (RFC 6455, short unfragmented frames only). @param {import("node:http").Server} server */
function acceptWebSockets(server) {
  server.on("upgrade", (request, socket) => {
    const key = createHash("sha1")
      .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
    );
    socket.on("data", (/** @type {Buffer} */ frame) => {
      if (frame[0] !== 0x81) return socket.destroy();
      const masked = frame.subarray(6, 6 + ((frame[1] ?? 0) & 127));
      const text = Buffer.from(masked);
      for (const [index, byte] of masked.entries()) text[index] = byte ^ (frame[2 + (index % 4)] ?? 0);
      return socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
    });
    socket.on("error", () => {});
  });
}

test("off until it is turned on, and then named among the attached tabs", async () => {
  const { debugger: state } = await rig.command({ command: "status" });
  assert.deepEqual(state, { available: true, all_tabs: false, tab_ids: [tabId] });
});

test("a response comes once, from the protocol, with its body at verbose", async () => {
  await page.evaluate(() => fetch("/data?body").then((response) => response.text()));
  const response = await rig.event("network.response", "/data?body");
  assert.equal(response.source.kind, "cdp");
  assert.equal(response.source.event, "Network.loadingFinished");
  assert.equal(response.data.body, '{"answer":42}');
  assert.equal(response.data.status, 200);
  assert.ok(response.data.transfer_bytes > 0 && response.data.duration_ms > 0);
  await rig.flushed();
  const all = await rig.collector.events("category:network url:*/data?body");
  assert.deepEqual(
    all.map(({ type, source }) => [type, source.kind]),
    [
      ["network.request", "cdp"],
      ["network.response", "cdp"],
    ],
  );
});

test("redirects and failures are told by the protocol too", async () => {
  await page.evaluate(() => fetch("/hop").then((response) => response.text()));
  const hop = await rig.event("network.redirect", "/hop");
  assert.equal(hop.data.status, 302);
  assert.match(hop.data.redirect_url, /hopped$/);
  await page.evaluate(() => fetch("/reset").catch(() => {}));
  assert.equal((await rig.event("network.failed", "/reset")).data.error, "net::ERR_EMPTY_RESPONSE");
});

test("frames of a WebSocket are told in both directions", async () => {
  await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send("hello socket");
        socket.onmessage = () => {
          socket.close();
          resolve(null);
        };
      }),
    `ws://127.0.0.1:${rig.site.port}/socket`,
  );
  await rig.event("network.websocket_opened", "/socket");
  const sent = await rig.event("network.websocket_sent", "hello socket");
  const received = await rig.event("network.websocket_received", "hello socket");
  assert.equal(sent.data.length, 12);
  assert.equal(received.source.metadata.request_id, sent.source.metadata.request_id);
});

test("consoles and errors of workers are recorded, and say so", async () => {
  await page.evaluate(() => {
    const worker = new Worker("/worker.js");
    setTimeout(() => worker.postMessage(0), 500);
  });
  const log = await rig.event("console.log", "in a worker");
  assert.equal(log.source.kind, "cdp");
  assert.equal(log.source.metadata.worker_type, "worker");
  assert.equal(log.url, `${rig.site.origin}/worker.js`);
  assert.deepEqual(log.data.args[0], "in a worker");
  const thrown = await rig.event("console.exception", "thrown in a worker");
  assert.match(thrown.data.stack, /worker\.js:1:/);
});

test("the page's own console stays the hook's and is not doubled", async () => {
  await page.evaluate(() => console.log("only once"));
  await rig.event("console.log", "only once");
  await rig.flushed();
  const events = (await rig.collector.events("type:console.log")).filter(({ data }) =>
    JSON.stringify(data).includes("only once"),
  );
  assert.deepEqual(
    events.map(({ source }) => source.event),
    ["console.log"],
  );
});

test("detached, the tab's requests are webRequest's again", async () => {
  await rig.command({ command: "debug", tab_id: tabId, on: false });
  await page.evaluate(() => fetch("/data?detached"));
  const response = await rig.event("network.response", "/data?detached");
  assert.equal(response.source.event, "webRequest.onCompleted");
});
