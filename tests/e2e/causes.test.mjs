/** The causes of events, on pages made for it: the links of docs/causes.md, and no others. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { rotelFile } from "../../scripts/lib/rotel.mjs";
import { startCollector } from "./fixtures/collector.mjs";
import { startRig } from "./fixtures/rig.mjs";
import { acceptWebSockets } from "./fixtures/sockets.mjs";
import { serveTraced, startRotel } from "./fixtures/traced.mjs";

/** Each request says by its name when it was made. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>causes</title>
  <button id="button">Buy</button><input id="field" aria-label="Field"><input id="secret" type="password">
  <form id="form"><input type="checkbox" id="box" aria-label="Box"><button id="send">Send</button></form>
  <script>
  const ask = (name) => fetch("/data?" + name).then((response) => response.text());
  const by = (id, type, handler) => document.getElementById(id).addEventListener(type, handler);
  by("button", "click", () => { ask("in-dispatch"); console.log("said in the dispatch"); });
  by("button", "click", async () => {
    await null; await null;
    const xhr = new XMLHttpRequest(); xhr.open("GET", "/data?in-microtask"); xhr.send();
    navigator.sendBeacon("/data?beacon", "");
  });
  by("button", "click", async () => { await ask("first"); await ask("after-response"); });
  by("button", "click", () => setTimeout(() => ask("in-timer")));
  by("button", "click", () => { document.getElementById("field").dispatchEvent(new MouseEvent("click", { bubbles: true })); });
  by("button", "click", () => { throw new Error("thrown in the dispatch"); });
  by("field", "click", () => ask("in-nested-dispatch"));
  by("field", "keydown", ({ key }) => ask("key-" + key));
  by("secret", "keydown", () => ask("key-of-a-password"));
  by("box", "change", () => ask("changed"));
  by("form", "submit", (event) => { event.preventDefault(); ask("submitted"); });
  window.many = () => {
    for (let n = 0; n < 10; n++) ask("many-" + n);
    const xhr = new XMLHttpRequest(); xhr.open("GET", "/open?last"); xhr.onabort = () => console.log("said of the last"); xhr.send();
    setTimeout(() => xhr.abort(), 10);
  };
  window.answers = async () => {
    const xhr = new XMLHttpRequest(); xhr.open("GET", "/fail?xhr");
    xhr.onreadystatechange = () => { if (xhr.readyState === 4) console.log("said of xhr when done"); };
    xhr.onload = async () => { await null; console.log("said of xhr in microtasks"); throw0(); };
    xhr.addEventListener("load", () => { throw new Error("thrown of xhr"); });
    const ended = new Promise((done) => { xhr.onloadend = () => setTimeout(() => { console.log("said after xhr"); done(); }); });
    xhr.send();
    await ended;
    const end = (type, what) => new Promise((done) => {
      const open = new XMLHttpRequest(); open.open("GET", "/open?" + type);
      open.addEventListener(type, () => { console.log("said of xhr at its " + type); done(); });
      open.onreadystatechange = () => { if (open.readyState === 2) what(open); };
      open.send();
    });
    await end("timeout", (open) => { open.timeout = 1; });
    await end("abort", (open) => setTimeout(() => open.abort()));
    const api = async (name) => {
      const response = await fetch("/fail?" + name);
      if (!response.ok) throw new Error(name + " failed with " + response.status);
    };
    try { await api("fetch"); } catch (error) { console.error("said of fetch", error); }
    let failure;
    try { await fetch("/reset?caught"); } catch (error) { failure = error; console.error("said of a failure", error); }
    setTimeout(() => console.error("said later of it", new Error("wrapped", { cause: failure })));
    (async () => { await fetch("/reset?rejected"); })();
    const reset = (name) => fetch("/reset?" + name).catch((error) => console.error("said of two", name, error));
    await Promise.all(["one", "two"].map(reset));
    const response = await fetch("/data?whole");
    console.log("said before a look");
    await response.text();
    console.log("said after the body");
    await new Promise((done) => setTimeout(done));
    console.log("said in a timer");
    const socket = new WebSocket(location.origin.replace("http", "ws") + "/socket");
    socket.onopen = () => socket.send("hello");
    await new Promise((done) => { socket.onmessage = () => { console.log("said of a message"); done(); }; });
    console.log("answers end");
  };
  const throw0 = () => {};
  window.forge = () => document.getElementById("button").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  </script>`;

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
/** @type {import("playwright-core").Page} */
let page;
before(async () => {
  rig = await startRig({
    pages: {
      "/page": PAGE,
      "/data": (_, response) => response.writeHead(200).end("data"),
      "/fail": (_, response) => response.writeHead(500).end("failed"),
      "/reset": (request) => request.socket.destroy(),
      "/open": (_, response) =>
        response
          // Without it an XMLHttpRequest waits for more bytes to guess the type from.
          .writeHead(200, { "content-type": "text/plain", "x-content-type-options": "nosniff" })
          .write("it begins, and never ends"),
    },
  });
  acceptWebSockets(rig.site.server);
  page = await rig.open("/page");
});
after(() => rig.close());

/** The link of a request's call. @param {string} name */
const causeOf = async (name) =>
  (await rig.event("network.call", `/data?${name}`)).source.metadata.cause_id ?? null;

test("a click is the cause of what its dispatch and the microtasks of its listeners do, and of nothing later", async () => {
  await page.click("#button");
  const { source } = await rig.event("input.click", "Buy");
  const id = source.metadata.interaction_id;
  assert.match(id ?? "", /^i[0-9a-f]+\.\d+$/);
  for (const name of ["in-dispatch", "in-microtask", "beacon", "first", "in-nested-dispatch"])
    assert.equal(await causeOf(name), id, name);
  for (const name of ["after-response", "in-timer"]) assert.equal(await causeOf(name), null, name);
  const said = await rig.event("console.log", "said in the dispatch");
  assert.equal(said.source.metadata.cause_id, id);
  const thrown = await rig.event("console.exception", "thrown in the dispatch");
  assert.equal(thrown.source.metadata.cause_id, id);
});

test("each interaction that is recorded is a cause, and a key of a run of keys is one with it", async () => {
  await page.focus("#field");
  for (const key of ["a", "b", "c"]) await page.keyboard.press(key);
  await page.focus("#secret");
  await page.keyboard.press("x");
  await page.check("#box");
  await page.click("#send");
  const [{ source: keys, ts }, { source: change }, { source: submit }] = await Promise.all([
    rig.event("input.key", "char"),
    rig.event("input.change", "box"),
    rig.event("input.submit"),
  ]);
  for (const key of ["a", "b", "c"]) assert.equal(await causeOf(`key-${key}`), keys.metadata.interaction_id);
  assert.ok(ts < (await rig.event("network.call", "key-a")).ts, "a cause is older than its effect");
  assert.equal(await causeOf("changed"), change.metadata.interaction_id);
  assert.equal(await causeOf("submitted"), submit.metadata.interaction_id);
  assert.equal(await causeOf("key-of-a-password"), null, "what is not recorded is no cause");
});

test("an event that the page dispatches is no cause", async () => {
  await page.evaluate(() => {
    history.replaceState(null, "", "/page?forged");
    /** @type {any} */ (window).forge();
  });
  await rig.until(
    "type:console.log url:*/page?forged",
    (events) => events.length === 1 && events[0]?.source.metadata?.cause_id === undefined,
  );
});

test("a request is the cause of its response, and a navigation of its document", async () => {
  const request = await rig.event("network.request", "/data?in-dispatch");
  const response = await rig.event("network.response", "/data?in-dispatch");
  assert.equal(request.source.metadata.cause_id, undefined);
  assert.equal(response.source.metadata.cause_id, request.source.metadata.request_id);
  const started = await rig.event("page.navigation_started", "/page");
  for (const what of ["committed", "dom_content_loaded", "loaded"]) {
    const { source } = await rig.event(`page.navigation_${what}`, "/page");
    assert.equal(source.metadata.cause_id, started.source.metadata.navigation_id, what);
    assert.equal(source.metadata.navigation_id, source.metadata.cause_id);
  }
});

/** @typedef {import("../../src/web/types.ts").Event} Event */
const calls = (/** @type {Event[]} */ events) => events.filter(({ type }) => type === "network.call");
const requestOf = (/** @type {any} */ source) => source.metadata?.request_id ?? null;
const textOf = (/** @type {Event} */ { data }) => JSON.stringify(data);

/** The events of a new document, which makes the requests of `answers`. @param {string} path @param {boolean} isDebugged */
async function answersIn(path, isDebugged) {
  const fresh = await rig.open(path);
  if (isDebugged) {
    const { source } = await rig.event("page.settled", path);
    await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: true });
  }
  await fresh.evaluate(() => /** @type {any} */ (window).answers());
  const lines = await rig.until(`type:console.log url:*${path}`, (found) =>
    found.some((event) => textOf(event).includes("answers end")),
  );
  await fresh.close();
  const id = /** @type {any} */ (lines[0]).source.metadata.document_id;
  const events = await rig.collector.events("");
  return events.filter(({ source }) => /** @type {any} */ (source).metadata?.document_id === id);
}

for (const run of ["standard", "debugged"])
  test(`${run}: a request is the cause of lines and errors in the dispatch of its events, after the first look at its response, or with its error`, () =>
    checkAnswers(run));

/** @param {string} run */
async function checkAnswers(run) {
  const isDebugged = run === "debugged";
  let events = await answersIn(`/page?${run}=0`, isDebugged);
  // A record that the browser reports half a second after the page has no link, by design.
  for (let attempt = 1; calls(events).some(({ source }) => requestOf(source) === null); attempt++) {
    assert.ok(attempt < 8, "the browser reports the requests in time");
    events = await answersIn(`/page?${run}=${attempt}`, isDebugged);
  }
  const callTo = (/** @type {string} */ part) => {
    const call = calls(events).find(({ url }) => url?.includes(part));
    return requestOf(/** @type {any} */ (call).source);
  };
  const said = (/** @type {string} */ type, /** @type {string} */ text) => {
    const line = events.find((event) => event.type === `console.${type}` && textOf(event).includes(text));
    return /** @type {any} */ (line).source.metadata.cause_id ?? null;
  };
  const xhr = callTo("/fail?xhr");
  for (const part of ["/fail?xhr", "/reset?caught", "/socket"])
    await rig.until(`type:network.request,network.websocket_opened url:*${part}`, (found) =>
      found.some(
        ({ source }) => requestOf(source) === callTo(part) && (source.kind === "cdp") === isDebugged,
      ),
    );
  for (const text of ["said of xhr when done", "said of xhr in microtasks"])
    assert.equal(said("log", text), xhr, text);
  assert.equal(said("exception", "thrown of xhr"), xhr);
  for (const type of ["timeout", "abort"])
    assert.equal(said("log", `said of xhr at its ${type}`), callTo(`/open?${type}`), type);
  assert.equal(said("error", "said of fetch"), callTo("/fail?fetch"));
  assert.equal(said("log", "said of a message"), callTo("/socket"));
  for (const text of ["said of a failure", "said later of it"])
    assert.equal(said("error", text), callTo("/reset?caught"), text);
  assert.equal(said("rejection", "Failed to fetch"), callTo("/reset?rejected"));
  assert.equal(said("error", "said of two"), null, "two calls from one place");
  const without = ["said after xhr", "said before a look", "said after the body", "said in a timer"];
  for (const text of without) assert.equal(said("log", text), null, text);
}

test("a line that overtakes the call it came from has the request as its cause", async () => {
  const page = await rig.open("/page?many");
  // A call waits some milliseconds for others, and a line takes them all along.
  await page.evaluate(() => /** @type {any} */ (window).many());
  const { source } = await rig.event("console.log", "said of the last");
  const call = await rig.event("network.call", "/open?last");
  assert.notEqual(requestOf(call.source), null);
  assert.equal(source.metadata.cause_id, requestOf(call.source));
  await page.close();
});

/** The page sends a trace context of its own, as the browser SDK of OpenTelemetry does. */
const TRACED_PAGE = `<!doctype html><meta charset="utf-8"><title>traced</title><button id="buy">Order</button><script>
  const hex = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  document.getElementById("buy").addEventListener("click", () =>
    fetch("SERVER/orders", { method: "POST", headers: { traceparent: "00-" + hex(16) + "-" + hex(8) + "-01" } }));
  </script>`;

test("a click on a page and the server's answer to it are one trace", {
  skip: rotelFile() === null,
}, async () => {
  const [server, rotel] = await Promise.all([serveTraced(), startRotel()]);
  try {
    rig.site.pages["/traced"] = TRACED_PAGE.replace("SERVER", server.origin);
    const traced = await rig.open("/traced");
    await traced.click("#buy");
    const call = await rig.event("network.call", "/orders");
    await rig.event("network.response", "/orders");
    const { source } = await rig.event("input.click", "Order");
    assert.equal(call.source.metadata.cause_id, source.metadata.interaction_id);
    await traced.close();
    const tabId = source.metadata.tab_id;
    await rig.until("type:tab.removed", (events) =>
      events.some(({ source: { metadata } }) => metadata?.tab_id === tabId),
    );
    // From here on the store has everything, so what is sent does not depend on when it arrived.
    await rig.collector.stop();
    const options = ["--otlp-endpoint", rotel.url, "--otlp-traces"];
    rig.collector = await startCollector(join(rig.folder, "data"), "127.0.0.1:0", options);
    await server.exportTo(rotel.url);

    const spans = await rotel.until((all) =>
      ["navigation", "input.click", "POST", "POST /orders"].every((name) =>
        all.some(
          (span) => span.name === name && (name === "navigation" || span.traceId === server.traceId()),
        ),
      ),
    );
    const inTrace = spans.filter(({ traceId }) => traceId === server.traceId());
    const find = (/** @type {string} */ name) => inTrace.find((span) => span.name === name);
    assert.deepEqual(
      new Set(inTrace.map(({ name }) => name)),
      new Set(["input.click", "POST", "POST /orders"]),
    );
    assert.equal(
      find("POST /orders")?.parentId,
      find("POST")?.id,
      "the browser's request is the server's parent",
    );
    assert.equal(find("POST")?.parentId, find("input.click")?.id, "and came from the click");
    assert.equal(find("input.click")?.parentId, "");
  } finally {
    await Promise.all([server.close(), rotel.close()]);
  }
});
