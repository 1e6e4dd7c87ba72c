/** Requests, responses, redirects and failures as webRequest tells them, at each level of detail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    "/page": scripted(""),
    "/data": (_, response) =>
      response
        .writeHead(200, {
          "content-type": "application/json",
          "content-length": "11",
          "x-served-by": "test",
        })
        .end('{"ok":true}'),
    "/slow": (_, response) => setTimeout(() => response.writeHead(200).end("slow"), 200),
    "/hop": (_, response) => response.writeHead(302, { location: "/hop2" }).end(),
    "/hop2": (_, response) => response.writeHead(307, { location: "/data" }).end(),
    "/error": (_, response) => response.writeHead(503).end("no"),
    "/reset": (request) => request.socket.destroy(),
    "/cached.js": (_, response) =>
      response.writeHead(200, { "content-type": "text/javascript", "cache-control": "max-age=600" }).end("1"),
    "/bundle.js.map": (_, response) => response.writeHead(200).end("{}"),
    "/main.abc.hot-update.json": (_, response) => response.writeHead(200).end("{}"),
    "/events": (_, response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n"),
    "/echo": (request, response) => request.resume().on("end", () => response.writeHead(200).end()),
  },
});

test("a request and its response are tied by one request id, with timing, size and headers", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() =>
    fetch("/data?one", { method: "POST", body: "12345", headers: { "x-asked-by": "test" } }),
  );
  const response = await rig.event("network.response", "/data?one");
  const request = await rig.event("network.request", "/data?one");
  assert.equal(request.source.metadata.request_id, response.source.metadata.request_id);
  assert.equal(request.data.method, "POST");
  assert.equal(request.data.body_bytes, 5);
  assert.equal(request.data.initiator, rig.site.origin);
  assert.deepEqual(
    request.data.headers.find((/** @type {string[]} */ [name]) => name === "x-asked-by"),
    ["x-asked-by", "test"],
  );
  assert.equal(response.data.status, 200);
  assert.equal(response.data.content_type, "application/json");
  assert.equal(response.data.content_length, 11);
  assert.equal(response.data.ip, "127.0.0.1");
  assert.ok(response.data.duration_ms > 0);
  assert.ok(
    response.data.headers.some(
      (/** @type {string[]} */ [name, value]) => name === "x-served-by" && value === "test",
    ),
  );
  for (const name of ["tab_id", "window_id", "frame_id", "document_id", "navigation_id"]) {
    assert.match(request.source.metadata[name] ?? "", /./, name);
  }
  assert.equal(request.source.event, "webRequest.onSendHeaders");
  await page.close();
});

test("duration is the server's, not the worker's", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/slow").then((response) => response.text()));
  const { data } = await rig.event("network.response", "/slow");
  assert.ok(data.duration_ms >= 195 && data.duration_ms < 5_000, `${data.duration_ms}`);
  await page.close();
});

test("a chain of redirects is recorded hop by hop under one request id", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/hop").then((response) => response.text()));
  const second = await rig.event("network.redirect", "/hop2");
  const id = second.source.metadata.request_id;
  const events = await rig.until("category:network", (found) =>
    found.some(({ type, source }) => type === "network.response" && source.metadata?.request_id === id),
  );
  const chain = events.filter(
    ({ type, source }) => source.metadata?.request_id === id && type !== "network.call",
  );
  assert.deepEqual(
    chain.map(({ type, url }) => [type.replace("network.", ""), new URL(url ?? "").pathname]),
    [
      ["request", "/hop"],
      ["redirect", "/hop"],
      ["request", "/hop2"],
      ["redirect", "/hop2"],
      ["request", "/data"],
      ["response", "/data"],
    ],
  );
  const hops = chain
    .filter(({ type }) => type === "network.redirect")
    .map(({ data }) => /** @type {any} */ (data));
  assert.deepEqual(
    hops.map(({ status }) => status),
    [302, 307],
  );
  assert.equal(hops[0].redirect_url, `${rig.site.origin}/hop2`);
  assert.equal(/** @type {any} */ (chain.at(-1))?.data.redirects, 2);
  await page.close();
});

test("a failure carries the browser's own name for it", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/reset").catch(() => {}));
  const { data, source } = await rig.event("network.failed", "/reset");
  assert.equal(data.error, "net::ERR_EMPTY_RESPONSE");
  assert.equal(source.event, "webRequest.onErrorOccurred");
  await page.close();
});

test("an error status is found by its status and its severity", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/error"));
  await rig.until("status:500..599 url:*/error", (events) => events.length === 1);
  await rig.until("category:network severity:error url:*/error", (events) => events.length === 1);
  await page.close();
});

test("what came from the cache says so", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    await (await fetch("/cached.js")).text();
    await (await fetch("/cached.js")).text();
  });
  const events = await rig.until("type:network.response url:*/cached.js", (found) => found.length >= 2);
  assert.deepEqual(
    events.map(({ data }) => /** @type {any} */ (data).from_cache),
    [false, true],
  );
  await page.close();
});

test("a stream that never ends is recorded when it starts", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => {
    /** @type {any} */ (window).stream = new EventSource("/events");
  });
  const { data } = await rig.event("network.response", "/events");
  assert.equal(data.streaming, true);
  await page.close();
});

test("the tool chain's own requests are left out below verbose", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() =>
    Promise.all(
      ["/bundle.js.map", "/main.abc.hot-update.json", "data:text/plain,x", "/data?after-noise"].map((url) =>
        fetch(url),
      ),
    ),
  );
  await rig.event("network.response", "/data?after-noise");
  const events = await rig.collector.events("category:network");
  assert.deepEqual(
    events.filter(({ url }) => /\.map|hot-update|^data:/.test(url ?? "")),
    [],
  );
  await rig.command({ command: "configure", patch: { noise: ["hot_updates"] } });
  await page.evaluate(() => Promise.all(["/wanted.js.map", "/b.hot-update.json"].map((url) => fetch(url))));
  await rig.event("network.response", "/wanted.js.map");
  await page.evaluate(() => fetch("/data?after-choosing"));
  await rig.event("network.response", "/data?after-choosing");
  const chosen = await rig.collector.events("category:network");
  assert.ok(!chosen.some(({ url }) => url?.includes("hot-update")));
  await rig.command({ command: "configure", patch: { noise: /** @type {any} */ (null) } });
  await page.close();
});

test("minimal leaves headers out, verbose adds bodies, and both apply at once", async () => {
  const page = await rig.open("/page");
  await rig.command({
    command: "configure",
    patch: { categories: { network: { detail_level: "minimal" } } },
  });
  await page.evaluate(() => fetch("/echo?minimal", { method: "POST", body: "unseen" }));
  const minimal = await rig.event("network.request", "/echo?minimal");
  assert.deepEqual(minimal.data, { method: "POST" });
  assert.equal(minimal.detail_level, "minimal");
  await rig.command({
    command: "configure",
    patch: { categories: { network: { detail_level: "verbose", max_event_bytes: 20 } } },
  });
  await page.evaluate(() => fetch("/echo?verbose", { method: "POST", body: "seen" }));
  const verbose = await rig.event("network.request", "/echo?verbose");
  assert.equal(verbose.data.body, "seen");
  await page.evaluate(() => fetch("/echo?long", { method: "POST", body: "x".repeat(100) }));
  const long = await rig.event("network.request", "/echo?long");
  assert.equal(long.data.body, "x".repeat(20));
  assert.equal(long.data.body_cut_from, 100);
  assert.equal(long.truncated, true);
  await rig.event("system.config_changed", "minimal");
  await rig.command({ command: "configure", patch: { categories: { network: { enabled: false } } } });
  await page.evaluate(() => fetch("/echo?off"));
  await rig.command({
    command: "configure",
    patch: { categories: { network: { enabled: true, detail_level: "standard" } } },
  });
  await page.evaluate(() => fetch("/echo?on"));
  await rig.event("network.response", "/echo?on");
  assert.deepEqual(await rig.collector.events("url:*/echo?off"), []);
  await page.close();
});

test("a WebSocket that is refused is recorded as failed", async () => {
  const page = await rig.open("/page");
  await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        new WebSocket(url).onclose = () => resolve(null);
      }),
    `ws://127.0.0.1:${rig.site.port}/no-socket`,
  );
  const failed = await rig.event("network.failed", "/no-socket");
  assert.equal(failed.data.resource_type, "websocket");
  assert.match(failed.data.error, /^net::ERR_/);
  await page.close();
});
