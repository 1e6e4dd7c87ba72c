/** A page's own record of its requests: who called, and the body of the response that failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";
import { acceptWebSockets, CLOSING } from "./fixtures/sockets.mjs";

/** A token that redaction recognizes by its field's name. */
const SECRET = "sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0";

/** The handler of the button: its lines are counted in the test. */
const SHOP = `<!doctype html><meta charset="utf-8"><title>shop</title><button id="buy">Buy</button><script>
async function order() {
  const response = await fetch("/order?n=1#part", { method: "post", body: "{}" });
  const { items } = await response.json();
  return items.map((item) => item.name);
}
document.getElementById("buy").addEventListener("click", () => order());
</script>`;
const CALL_LINE = 3;

/** @param {import("node:http").ServerResponse} response @param {number} status @param {unknown} value */
const json = (response, status, value) =>
  response
    .writeHead(status, { "content-type": "application/json; charset=utf-8" })
    .end(JSON.stringify(value));

const rig = await sharedRig({
  pages: {
    "/page": scripted(""),
    "/shop": SHOP,
    "/order": (_, response) => json(response, 500, { error: "out of stock", api_key: SECRET, items: null }),
    "/gone": (_, response) => json(response, 410, { gone: true }),
    "/forbidden": (_, response) => json(response, 403, { why: "no role" }),
    "/teapot": (_, response) => json(response, 418, { short: "and stout" }),
    "/fine": (_, response) => json(response, 200, { fine: true }),
    "/long": (_, response) =>
      response.writeHead(502, { "content-type": "text/html" }).end(`<p>${"long ".repeat(20_000)}`),
    "/picture": (_, response) => response.writeHead(404, { "content-type": "image/png" }).end("not text"),
    "/open": (_, response) =>
      response.writeHead(503, { "content-type": "text/plain" }).write("it begins, and never ends"),
    "/reset": (request) => request.socket.destroy(),
    "/hop": (_, response) => response.writeHead(302, { location: "/gone?by=hop" }).end(),
    "/events": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(`id: 7\ndata: {"token":"${SECRET}","price":3}\n\n`),
    "/takes-json": scripted(`
      fetch("/html?taken=for-json").then(async (response) => {
        if (response.ok) console.log(JSON.parse(await response.text()));
      });`),
    "/reads-json": scripted(`
      fetch("/html?read=as-json").then(async (response) => { if (response.ok) await response.json(); });
      (async () => {
        await fetch("/plain-json").then((response) => response.json());
        await fetch("/html?read=of-a-clone").then((response) => response.clone().json()).catch(() => {});
        console.log("both are read");
      })();`),
    "/plain-json": (_, response) =>
      response.writeHead(200, { "content-type": "text/plain" }).end('{"it":"is json"}'),
    "/html": (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><p>Please log in</p>"),
    "/beacon": (_, response) => response.writeHead(204).end(),
    "/app.js.map": (_, response) => json(response, 404, { noise: true }),
    "/own-fetch": scripted(`
      const native = window.fetch;
      window.fetch = function (...args) { return native.apply(this, args); };
      fetch("/teapot?own=fetch").then((response) => response.text());`),
  },
});
acceptWebSockets(rig.site.server);

test("a click, a POST that fails and a TypeError: the body, redacted, and the line that called", async () => {
  const page = await rig.open("/shop");
  await page.click("#buy");
  const body = await rig.event("network.response_body", "out of stock");
  assert.equal(body.data.response_status, 500);
  assert.equal(body.data.api, "fetch");
  assert.equal(body.data.method, "POST");
  assert.equal(body.data.content_type, "application/json; charset=utf-8");
  assert.match(body.data.body, /"error":"out of stock"/);
  assert.ok(!body.data.body.includes(SECRET), `a secret is replaced: ${body.data.body}`);
  const call = await rig.event("network.call", "/order?n=1");
  assert.equal(call.data.call, body.data.call);
  assert.match(
    call.data.stack.split("\n")[0],
    new RegExp(`at order \\(${rig.site.origin}/shop:${CALL_LINE}:\\d+\\)`),
  );
  const request = await rig.event("network.request", "/order?n=1");
  const response = await rig.event("network.response", "/order?n=1");
  const ids = [request, call, body, response].map(({ source }) => source.metadata.request_id);
  assert.deepEqual(new Set(ids), new Set([request.source.metadata.request_id]));
  assert.deepEqual(new Set([call.url, body.url]), new Set([`${rig.site.origin}/order?n=1#part`]));
  const error = await rig.event("console.rejection", "reading 'map'");
  assert.equal(error.source.metadata.document_id, body.source.metadata.document_id);
  assert.equal(
    (await rig.until("type:network.response_body out of stock", (found) => found.length > 0)).length,
    1,
  );
  await page.close();
});

test("the error of a page that takes HTML for JSON has the response as its cause", async () => {
  const page = await rig.open("/takes-json");
  await rig.event("network.response", "/html?taken=for-json");
  await rig.event("console.rejection", "is not valid JSON");
  const { content } = await rig.collector.mcp("tools/call", {
    name: "diagnose",
    arguments: { q: "site:127.0.0.1" },
  });
  assert.match(
    content[0].text,
    /response ⟦GET \/html\?taken=for-json 200[^⟧]*⟧ →\d+ms s\d+:\d+ rejection ⟦[^⟧]*is not valid JSON/,
  );
  await page.close();
});

test("a page that reads HTML by json() is recorded with the body, although no error is reported", async () => {
  const page = await rig.open("/reads-json");
  const warning = await rig.event("network.json_warning", "/html?read=as-json");
  const request = await rig.event("network.request", "/html?read=as-json");
  const { error, body, response_status, content_type, method } = warning.data;
  assert.deepEqual([response_status, content_type, method], [200, "text/html", "GET"]);
  assert.match(error, /^Unexpected token '<', "<!doctype "\.\.\. is not valid JSON$/);
  assert.equal(body, "<!doctype html><p>Please log in</p>");
  assert.equal(warning.source.metadata.request_id, request.source.metadata.request_id);
  await rig.event("console.log", "both are read");
  await rig.flushed();
  const warnings = await rig.collector.events("severity:warn type:network.json_warning");
  assert.deepEqual(
    warnings.map(({ url }) => new URL(`${url}`).search),
    ["?read=as-json", "?read=of-a-clone"],
  );
  await page.close();
});

test("an XMLHttpRequest of each form gives its call and its body", async () => {
  const page = await rig.open("/page");
  const forms = ["", "text", "json", "arraybuffer"];
  const sync = await page.evaluate(async (types) => {
    for (const type of types) {
      await new Promise((done) => {
        const xhr = new XMLHttpRequest();
        xhr.open("PUT", `/forbidden?form=${type || "none"}`);
        xhr.responseType = /** @type {XMLHttpRequestResponseType} */ (type);
        xhr.onloadend = done;
        xhr.send("body");
      });
    }
    const sync = new XMLHttpRequest();
    sync.open("GET", "/forbidden?form=sync", false);
    sync.send();
    return sync.responseText;
  }, forms);
  assert.equal(sync, '{"why":"no role"}');
  for (const form of ["none", "text", "json", "arraybuffer", "sync"]) {
    const body = await rig.event("network.response_body", `/forbidden?form=${form}`);
    const call = await rig.event("network.call", `/forbidden?form=${form}`);
    const request = await rig.event("network.request", `/forbidden?form=${form}`);
    assert.equal(body.data.body, '{"why":"no role"}', form);
    assert.equal(body.data.response_status, 403);
    assert.equal(body.data.api, "xhr");
    assert.equal(body.data.method, form === "sync" ? "GET" : "PUT");
    assert.match(call.data.stack, /^ {4}at /);
    assert.equal(body.source.metadata.request_id, request.source.metadata.request_id, form);
    assert.equal(call.source.metadata.request_id, request.source.metadata.request_id, form);
  }
  await page.close();
});

test("a page that only asks for the status, and one that clones first, give the body once", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    const status = await fetch("/teapot?only=status");
    if (!status.ok) void status.status;
    const clone = await fetch("/teapot?only=clone");
    await Promise.all([clone.clone().json(), clone.text()]);
  });
  for (const only of ["status", "clone"]) {
    const body = await rig.event("network.response_body", `/teapot?only=${only}`);
    assert.equal(body.data.body, '{"short":"and stout"}');
  }
  await rig.flushed();
  assert.equal((await rig.collector.events("type:network.response_body url:*/teapot?only=*")).length, 2);
  await page.close();
});

test("the stack of an error that fetch makes is recorded without the recorder's own line", async () => {
  const page = await rig.open("/page");
  await page.evaluate("(function asks() { void fetch('/reset'); })()");
  const { data } = await rig.event("console.rejection", "Failed to fetch");
  assert.match(data.error.stack, /^TypeError: Failed to fetch\n {4}at asks /);
  assert.ok(!data.error.stack.includes("tabtape"), data.error.stack);
  await page.close();
});

test("a redirected response belongs to the request that ended there", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/hop").then((response) => response.json()));
  const body = await rig.event("network.response_body", "by=hop");
  const call = await rig.event("network.call", "/hop");
  assert.equal(body.data.body, '{"gone":true}');
  assert.ok(body.source.metadata.request_id);
  assert.equal(body.source.metadata.request_id, call.source.metadata.request_id);
  await page.close();
});

test("of two failures that nothing tells apart neither gets the other's request", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    const both = await Promise.all([fetch("/gone?twin"), fetch("/gone?twin")]);
    for (const response of both) await response.text();
  });
  const bodies = await rig.until(
    "type:network.response_body gone",
    (found) => found.filter(({ data }) => JSON.stringify(data).includes("?twin")).length === 2,
  );
  const twins = bodies.filter(({ data }) => JSON.stringify(data).includes("?twin"));
  const calls = await rig.until("type:network.call url:*/gone?twin", (found) => found.length === 2);
  const ids = calls.map(({ source }) => source.metadata?.request_id);
  assert.equal(new Set(ids).size, 2, "each call has its own request");
  const linked = twins.map(({ source }) => source.metadata?.request_id).filter((id) => id !== undefined);
  assert.equal(new Set(linked).size, linked.length, "no request has two bodies");
  await page.close();
});

test("a long body is truncated, a stream is left open, and what is no text is left alone", async () => {
  const page = await rig.open("/page");
  const read = await page.evaluate(async () => {
    const long = await (await fetch("/long")).text();
    const picture = await (await fetch("/picture")).text();
    const open = await fetch("/open");
    const reader = /** @type {ReadableStream<Uint8Array>} */ (open.body).getReader();
    const { value } = await reader.read();
    return [long.length, picture, new TextDecoder().decode(value)];
  });
  assert.deepEqual(read, [100_003, "not text", "it begins, and never ends"]);
  const long = await rig.event("network.response_body", "/long");
  assert.equal(long.truncated, true);
  assert.equal(long.data.body_stopped, "size");
  assert.equal(Buffer.byteLength(long.data.body), 16 << 10);
  const open = await rig.event("network.response_body", "/open");
  assert.deepEqual([open.data.body, open.data.body_stopped], ["it begins, and never ends", "time"]);
  await page.close();
  await rig.flushed();
  assert.deepEqual(await rig.collector.events("type:network.response_body url:*/picture"), []);
});

test("a page that leaves takes no body along that was read by then", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    const open = await fetch("/open?leaving");
    const reader = /** @type {ReadableStream<Uint8Array>} */ (open.body).getReader();
    await reader.read();
    // The recorder's own reader, too, has its chunk now.
    await new Promise((next) => setTimeout(next, 50));
    location.href = "/page?next";
  });
  const { data } = await rig.event("network.response_body", "/open?leaving");
  assert.ok(["left", "error"].includes(data.body_stopped), data.body_stopped);
  assert.equal(data.body, "it begins, and never ends");
  await page.close();
});

test("noise, and requests of a page with a fetch of its own, are left out and harm nothing", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    console.log("before the noise");
    await (await fetch("/app.js.map")).text();
    console.log("after the noise");
  });
  await rig.event("console.log", "after the noise");
  await page.close();
  const own = await rig.open("/own-fetch");
  const call = await rig.event("network.call", "/teapot?own=fetch");
  // The page's wrapper came second: it calls ours, which is recorded as any.
  assert.match(call.data.stack.split("\n")[0], /window\.fetch/);
  await own.close();
  await rig.flushed();
  assert.deepEqual(await rig.collector.events("category:network url:*/app.js.map"), []);
  const dropped = (await rig.collector.records("")).filter((record) => "gap" in record);
  assert.deepEqual(dropped, [], "what is left out is no loss");
});

test("at verbose each text answer has its body, at minimal and switched off none, and a switch takes effect in an open page", async () => {
  const page = await rig.open("/page");
  const native = "function fetch() { [native code] }";
  const ask = (/** @type {string} */ part) =>
    page.evaluate((path) => fetch(path).then((response) => response.text()), `/fine?${part}`);
  const configure = (/** @type {object} */ patch) => rig.command({ command: "configure", patch });
  await configure({ categories: { network: { detail_level: "verbose" } } });
  await rig.poll("the hook to be told", async () => {
    await ask("at=verbose");
    return (await rig.collector.events("type:network.response_body url:*/fine?at=verbose")).length > 0;
  });
  const verbose = await rig.event("network.response_body", "at=verbose");
  assert.equal(verbose.detail_level, "verbose");
  assert.equal(verbose.data.body, '{"fine":true}');
  for (const [name, patch] of /** @type {const} */ ([
    ["minimal", { categories: { network: { detail_level: "minimal" } } }],
    ["off", { categories: { network: { detail_level: "verbose" } }, observe_requests: false }],
  ])) {
    await configure(patch);
    await ask(`at=${name}`);
    await rig.event("network.response", `at=${name}`);
    await rig.flushed();
    assert.deepEqual(await rig.collector.events(`type:network.call url:*at=${name}`), [], name);
    assert.deepEqual(await rig.collector.events(`type:network.response_body url:*at=${name}`), [], name);
    assert.equal(await page.evaluate("String(fetch)"), native);
  }
  await configure({ categories: { network: null }, observe_requests: null });
  await page.close();
});

/** Opens a socket that the server closes, an event source and a beacon, and waits for all of them. @param {import("playwright-core").Page} page @param {string} name */
const connect = (page, name) =>
  page.evaluate(
    async ({ name, socketUrl, secret, closing }) => {
      const socket = new WebSocket(`${socketUrl}?${name}`);
      const closed = new Promise((resolve) => {
        socket.onclose = ({ code, reason }) => resolve([code, reason]);
      });
      socket.onopen = () => socket.send(JSON.stringify({ api_key: secret, hello: "server" }));
      socket.onmessage = () => socket.send(closing);
      const source = new EventSource(`/events?${name}`);
      await new Promise((resolve) => {
        source.onmessage = resolve;
      });
      source.close();
      (function leaves() {
        navigator.sendBeacon(`/beacon?${name}`, "goodbye");
      })();
      return closed;
    },
    {
      name,
      socketUrl: `${rig.site.origin.replace("http", "ws")}/socket`,
      secret: SECRET,
      closing: CLOSING.message,
    },
  );

const SOCKETS = "type:network.websocket_*,network.eventsource_*";

test("a WebSocket, an EventSource and a beacon give their calls, and a socket its close code and reason", async () => {
  const page = await rig.open("/page");
  assert.deepEqual(await connect(page, "calls"), [CLOSING.code, CLOSING.reason]);
  for (const [path, api] of [
    ["/socket?calls", "websocket"],
    ["/events?calls", "eventsource"],
    ["/beacon?calls", "beacon"],
  ]) {
    const call = await rig.event("network.call", path);
    const request = await rig.event("network.request", path);
    assert.equal(call.data.api, api);
    assert.match(call.data.stack, /^ {4}at /);
    assert.ok(!call.data.stack.includes("tabtape"), call.data.stack);
    assert.equal(call.source.metadata.request_id, request.source.metadata.request_id, api);
    assert.equal(call.url, request.url);
  }
  const closed = await rig.event("network.websocket_closed", "/socket?calls");
  assert.deepEqual(
    [closed.data.code, closed.data.reason, closed.data.clean],
    [CLOSING.code, CLOSING.reason, true],
  );
  const request = await rig.event("network.request", "/socket?calls");
  assert.equal(closed.source.metadata.request_id, request.source.metadata.request_id);
  await rig.flushed();
  const others = (await rig.collector.events(SOCKETS)).filter(({ url }) => url?.endsWith("?calls"));
  assert.deepEqual(
    others.map(({ type }) => type),
    ["network.websocket_closed"],
    "no messages at standard",
  );
  await page.close();
});

test("at verbose messages of sockets are recorded, redacted; with the debugger attached, its records alone", async () => {
  const page = await rig.open("/page?sockets");
  const { source } = await rig.event("page.settled", "/page?sockets");
  const tabId = Number(source.metadata.tab_id);
  await rig.command({
    command: "configure",
    patch: { categories: { network: { detail_level: "verbose" } } },
  });
  const ofUrl = async (/** @type {string} */ name) =>
    (await rig.collector.events(SOCKETS)).filter(({ url }) => url?.endsWith(`?${name}`));
  let times = 0;
  await rig.poll("the hook to be told", async () => {
    await connect(page, `told-${++times}`);
    await rig.flushed();
    return (await ofUrl(`told-${times}`)).length > 1;
  });
  const TYPES = [
    "network.eventsource_message",
    "network.websocket_closed",
    "network.websocket_opened",
    "network.websocket_received",
    "network.websocket_sent",
    "network.websocket_sent",
  ];
  const check = async (/** @type {string} */ name, /** @type {string} */ kind) => {
    await rig.poll(`the events of ${name}`, async () => (await ofUrl(name)).length >= TYPES.length);
    const all = /** @type {any[]} */ (await ofUrl(name));
    assert.deepEqual(all.map(({ type }) => type).sort(), TYPES, name);
    assert.deepEqual(new Set(all.map((event) => event.source.kind)), new Set([kind]), name);
    const [sent] = all.filter(({ type }) => type === "network.websocket_sent");
    assert.match(sent.data.payload, /"hello":"server"/);
    assert.deepEqual([sent.data.opcode, sent.data.length], [1, SECRET.length + 31]);
    const received = all.find(({ type }) => type === "network.websocket_received");
    assert.equal(received.data.payload, sent.data.payload);
    const { data } = all.find(({ type }) => type === "network.eventsource_message");
    assert.match(data.payload, /"price":3/);
    assert.deepEqual([data.event, data.id], ["message", "7"]);
    const closed = all.find(({ type }) => type === "network.websocket_closed");
    assert.deepEqual([closed.data.code, closed.data.reason], [CLOSING.code, CLOSING.reason], name);
    assert.ok(!JSON.stringify(all).includes(SECRET), "no secret is stored");
    const requests = new Set(all.map((event) => event.source.metadata.request_id));
    assert.deepEqual([requests.size, requests.has(undefined)], [2, false], name);
  };
  await check(`told-${times}`, "extension");
  await rig.command({ command: "debug", tab_id: tabId, on: true });
  await connect(page, "debugged");
  await check("debugged", "cdp");
  await rig.command({ command: "debug", tab_id: tabId, on: false });
  const patch = /** @type {object} */ ({ categories: { network: null } });
  await rig.command({ command: "configure", patch });
  await page.close();
});
