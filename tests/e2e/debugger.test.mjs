/** The debugger producer: what only the DevTools protocol sees, without doubling what the rest has seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";
import { acceptWebSockets } from "./fixtures/sockets.mjs";

/** Answers that are given when a test says so. @type {import("node:http").ServerResponse[]} */
const held = [];
const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  capture: { categories: { network: { detail_level: "verbose" } } },
  pages: {
    "/page": "<!doctype html><title>debugged</title>",
    "/isolated": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/html", "cross-origin-embedder-policy": "require-corp" })
        .end("<!doctype html><title>isolated</title>"),
    "/data": (_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end('{"answer":42}'),
    "/hop": (_, response) => response.writeHead(302, { location: "/data?hopped" }).end(),
    "/held": (_, response) => void held.push(response),
    "/cookie": (_, response) => response.writeHead(200, { "set-cookie": "session=1; SameSite=None" }).end(),
    "/reset": (request) => request.socket.destroy(),
    // Each throws what its query says, the second in a task of its own.
    "/throwing.js": (_, response) =>
      response.writeHead(200, { "content-type": "text/javascript" }).end(
        `{ const what = new URL(document.currentScript.src).search; setTimeout(() => { throw new TypeError("later " + what); });
            throw new RangeError("at once " + what); }`,
      ),
    "/inner": scripted(`fetch("/data?inner").then(() => console.log("in the frame" + location.search))`),
    "/euros": (_, response) =>
      response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end("€".repeat(30)),
    "/wordy.js": (_, response) =>
      response.writeHead(200, { "content-type": "text/javascript" }).end(
        `console.log("wordy", "€".repeat(5_000)); console.log(...Array.from({ length: 300 }, (_, n) => "many" + n));
          setTimeout(() => { throw new Error("thrown " + "€".repeat(5_000)) });`,
      ),
    "/lasting.js": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/javascript" })
        .end(`console.log("lasting begins"); postMessage(0); onmessage = ({ data }) => console.log(data);`),
    "/worker.js": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/javascript" })
        .end(
          `console.log("in a worker", { a: 1 }); onmessage = () => { throw new Error("thrown in a worker") }`,
        ),
  },
});
acceptWebSockets(rig.site.server);
const page = await rig.open("/page");
const tabId = Number((await rig.event("page.settled", "/page")).source.metadata.tab_id);
await rig.command({ command: "debug", tab_id: tabId, on: true });

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
  assert.deepEqual(await tellers("/data?body"), ["request cdp", "response cdp"]);
});

test("redirects and failures are recorded by the protocol too", async () => {
  await page.evaluate(() => fetch("/hop").then((response) => response.text()));
  const hop = await rig.event("network.redirect", "/hop");
  assert.equal(hop.data.status, 302);
  assert.match(hop.data.redirect_url, /hopped$/);
  await page.evaluate(() => fetch("/reset").catch(() => {}));
  assert.equal((await rig.event("network.failed", "/reset")).data.error, "net::ERR_EMPTY_RESPONSE");
});

test("frames of a WebSocket are recorded in both directions", async () => {
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

test("a socket is opened once the server has agreed, and closed at its end", async () => {
  const events = await rig.until("type:network.websocket_* url:*/socket", (found) =>
    found.some(({ type }) => type === "network.websocket_closed"),
  );
  assert.deepEqual(
    events.map(({ type }) => type.replace("network.websocket_", "")),
    ["opened", "sent", "received", "closed"],
  );
  const opened = await rig.event("network.websocket_opened", "/socket");
  assert.equal(opened.data.status, 101);
  assert.ok(opened.data.headers.length > 0);
  assert.equal(opened.source.metadata.frame_id, "0");
});

/** @param {string} address */
const openSocket = (address) =>
  page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onclose = () => resolve(null);
      }),
    address,
  );

test("a socket that is refused was never open, and says why", async () => {
  await openSocket(`ws://127.0.0.1:${rig.site.port}/refused`);
  await openSocket("ws://127.0.0.1:1/unreachable");
  const refused = await rig.event("network.websocket_failed", "/refused");
  assert.match(refused.data.error, /ERR_/);
  assert.match((await rig.event("network.websocket_failed", "/unreachable")).data.error, /ERR_/);
  await rig.flushed();
  const events = await rig.collector.events("type:network.websocket_*");
  assert.deepEqual(
    events.filter(({ url }) => /refused|unreachable/.test(`${url}`)).map(({ type }) => type),
    ["network.websocket_failed", "network.websocket_failed"],
  );
});

test("payloads and bodies are cut to the byte budget, not to as many characters", async () => {
  const network = (/** @type {"verbose" | "raw"} */ detail_level, /** @type {number | null} */ bytes) =>
    rig.command({
      command: "configure",
      patch: { categories: { network: { detail_level, max_event_bytes: /** @type {any} */ (bytes) } } },
    });
  const say = () =>
    page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => socket.send("€".repeat(30));
          socket.onmessage = () => {
            socket.close();
            resolve(null);
          };
        }),
      `ws://127.0.0.1:${rig.site.port}/socket?budget`,
    );
  await network("verbose", 40);
  await say();
  await page.evaluate(() => fetch("/euros").then((response) => response.text()));
  const verbose = await rig.event("network.websocket_sent", "?budget");
  assert.deepEqual(
    [verbose.data.payload, verbose.data.length, verbose.truncated],
    ["€".repeat(13), 30, true],
  );
  const response = await rig.event("network.response", "/euros");
  assert.deepEqual([response.data.body, response.data.body_cut_from], ["€".repeat(13), 30]);
  await network("raw", 40);
  await say();
  const raw = await rig.event("network.websocket_received", "payloadData");
  assert.deepEqual([raw.data.response.payloadData, raw.truncated], ["€".repeat(13), true]);
  await network("verbose", null);
});

test("an event names frame, document and navigation as those of other producers do", async () => {
  await page.evaluate(() => fetch("/data?whose"));
  const response = await rig.event("network.response", "/data?whose");
  await page.evaluate(() => console.log("whose"));
  const log = await rig.event("console.log", "whose");
  for (const key of ["tab_id", "window_id", "frame_id", "document_id", "navigation_id"])
    assert.equal(response.source.metadata[key], log.source.metadata[key], key);
  await page.evaluate(() => {
    const frame = document.createElement("iframe");
    frame.src = "/inner";
    document.body.append(frame);
  });
  const inner = await rig.event("console.log", "in the frame");
  const asked = await rig.event("network.response", "/data?inner");
  assert.notEqual(inner.source.metadata.frame_id, "0");
  for (const key of ["frame_id", "document_id", "navigation_id", "parent_frame_id", "parent_document_id"])
    assert.equal(asked.source.metadata[key], inner.source.metadata[key], key);
  const framed = await rig.event("network.response", "/inner");
  assert.equal(framed.source.kind, "cdp");
  assert.equal(framed.source.metadata.frame_id, inner.source.metadata.frame_id);
  assert.equal(framed.source.metadata.navigation_id, inner.source.metadata.navigation_id);
});

test("a frame of another site, which has a session of its own, is recorded under its own names", async () => {
  await page.evaluate((url) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
  }, `${rig.site.otherOrigin}/inner?cross`);
  const inner = await rig.event("console.log", "cross");
  const frame = page.frames().find((one) => one.url().includes("?cross"));
  // Requests that it sends before its session is attached may be missing.
  await rig.poll("its session", async () => {
    await frame?.evaluate(() => fetch("/data?polled").then((response) => response.text()));
    return (await rig.collector.events("type:network.request url:*/data?polled")).length > 0;
  });
  const asked = await rig.event("network.request", "/data?polled");
  assert.equal(asked.source.kind, "cdp");
  for (const key of ["frame_id", "document_id", "navigation_id", "parent_frame_id", "parent_document_id"])
    assert.equal(asked.source.metadata[key], inner.source.metadata[key], key);
  const [started] = await rig.collector.events("type:network.request url:*/inner?cross");
  assert.equal(started?.source.kind, "cdp");
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
  // The page itself may report the worker's error, too, without a stack.
  const fromProtocol = (/** @type {import("../../src/web/types.ts").Event} */ { source, data }) =>
    source.kind === "cdp" && JSON.stringify(data).includes("thrown in a worker");
  const exceptions = await rig.until("type:console.exception", (found) => found.some(fromProtocol));
  const { stack } = /** @type {any} */ (exceptions.find(fromProtocol)?.data ?? {});
  assert.match(stack, /worker\.js:1:/);
});

test("what a worker says is cut to the byte budget, and an ended one is forgotten", async () => {
  const budget = (/** @type {number | null} */ bytes) =>
    rig.command({
      command: "configure",
      patch: { categories: { console: { max_event_bytes: /** @type {any} */ (bytes) } } },
    });
  const known = async () => {
    const stored = await (await rig.worker()).evaluate(() => chrome.storage.session.get("tabtape_workers"));
    return JSON.stringify(stored);
  };
  await budget(1_500);
  await page.evaluate(() => {
    /** @type {any} */ (globalThis).wordy = new Worker("/wordy.js");
  });
  const thrown = await rig.event("console.exception", "thrown €");
  const many = await rig.event("console.log", "many0");
  for (const event of [await rig.event("console.log", "wordy"), many, thrown]) {
    const bytes = Buffer.byteLength(JSON.stringify(event.data));
    assert.ok(bytes <= 1_500, `${bytes}`);
    assert.equal(event.truncated, true);
  }
  await budget(null);
  await rig.poll("the worker to be known", async () => (await known()).includes("/wordy.js"));
  await page.evaluate(() => /** @type {any} */ (globalThis).wordy.terminate());
  await rig.poll("the worker to be forgotten", async () => !(await known()).includes("/wordy.js"));
});

test("an error of another origin's script has its text and its place, and is recorded once", async () => {
  const frame = await page.evaluateHandle((url) => {
    const element = document.createElement("iframe");
    element.src = url;
    document.body.append(element);
    return new Promise((resolve) => {
      element.onload = () => resolve(element);
    });
  }, `${rig.site.otherOrigin}/inner?erring`);
  const inner = await frame.asElement()?.contentFrame();
  await rig.event("console.log", "in the frame?erring");
  const add = (/** @type {string} */ from) => {
    for (const what of ["one", "two"]) {
      const script = document.createElement("script");
      script.src = `${from}/throwing.js?${what}`;
      document.body.append(script);
    }
    // The page's own is not another's.
    setTimeout(() => {
      throw new Error("the page's own");
    });
  };
  const isOfAnother = (/** @type {any} */ { data }) => data.cross_origin === true;
  const texts = ["at once ?one", "at once ?two", "later ?one", "later ?two"];
  /** @type {[import("playwright-core").Page | import("playwright-core").Frame | null | undefined, string, string][]} */
  const documents = [
    [page, rig.site.otherOrigin, "/page"],
    // A frame of another site has a session of its own.
    [inner, rig.site.origin, "/inner?erring"],
  ];
  for (const [document, from, path] of documents) {
    await document?.evaluate(add, from);
    const q = `type:console.exception url:*${path}`;
    const found = await rig.until(q, (events) => events.filter(isOfAnother).length >= texts.length);
    await rig.event("console.exception", "the page's own");
    const errors = /** @type {any[]} */ (found.filter(isOfAnother));
    assert.deepEqual(errors.map(({ data }) => data.text.replace(/^Uncaught \w+: /, "")).sort(), texts);
    for (const { data, source } of errors) {
      assert.notEqual(source.kind, "cdp");
      const [, what] = /(\?\w+)$/.exec(data.text) ?? [];
      assert.equal(data.location.url, `${from}/throwing.js${what}`);
      assert.ok(data.stack.includes(`/throwing.js${what}:`), data.stack);
    }
    const own = /** @type {any[]} */ (await rig.collector.events(q)).filter((event) => !isOfAnother(event));
    assert.deepEqual(
      own.map(({ data }) => data.text),
      ["Uncaught Error: the page's own"],
    );
  }

  // One that the page prevents is not in the protocol either.
  await page.evaluate((from) => {
    addEventListener("error", (event) => event.preventDefault());
    const script = document.createElement("script");
    script.src = `${from}/throwing.js?prevented`;
    document.body.append(script);
  }, rig.site.otherOrigin);
  const all = await rig.until(
    "type:console.exception url:*/page",
    (events) => events.filter(isOfAnother).length >= texts.length + 2,
  );
  for (const { data } of /** @type {any[]} */ (all.filter(isOfAnother).slice(texts.length))) {
    assert.equal(data.text, "Script error.");
    assert.equal(data.location, undefined);
  }
});

test("a socket's long address is kept by its beginning", async () => {
  await openSocket(`ws://127.0.0.1:${rig.site.port}/refused?${"long".repeat(2_500)}`);
  const { url, source } = await rig.event("network.websocket_failed", "longlong");
  assert.equal(url?.length, 4_096);
  assert.equal(source.metadata.frame_id, "0");
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

test("what the browser writes into the console is recorded, and nothing of it twice", async () => {
  const elsewhere = rig.site.origin.replace("127.0.0.1", "localhost");
  await page.evaluate(async (other) => {
    await fetch(`${other}/data?cors`).catch(() => {});
    await fetch("/missing");
    const script = document.createElement("script");
    const blocked = new Promise((resolve) => script.addEventListener("error", resolve));
    Object.assign(script, { src: "/wordy.js?sri", integrity: `sha256-${"A".repeat(43)}=` });
    document.head.append(script);
    await blocked;
    await fetch("/cookie");
    new Worker("/worker.js");
  }, elsewhere);
  const cors = await rig.event("console.browser_error", "blocked by CORS policy");
  assert.match(cors.data.text, /'Access-Control-Allow-Origin'/);
  assert.equal(cors.data.source, "javascript");
  assert.equal(cors.source.kind, "cdp");
  assert.equal(cors.url, `${rig.site.origin}/page`);
  assert.equal(cors.data.resource_url, `${rig.site.origin}/page`);
  assert.match((await rig.event("console.browser_error", "integrity")).data.text, /wordy\.js\?sri/);
  assert.match(
    (await rig.event("console.browser_error", "cookie session")).data.text,
    /was refused: exclude same site none insecure/,
  );
  await rig.event("console.log", "in a worker");
  await rig.flushed();
  const messages = await rig.collector.events("type:console.browser_*");
  const texts = messages.map(({ data }) => /** @type {any} */ (data).text);
  assert.equal(texts.filter((text) => text.includes("CORS")).length, 1, texts.join("\n"));
  assert.deepEqual(
    texts.filter((text) => /^Failed to load resource|in a worker/.test(text)),
    [],
  );
});

test("a response that the page's embedder policy refuses is recorded once, with the reason", async () => {
  const isolated = await rig.open("/isolated");
  const { source } = await rig.event("page.settled", "/isolated");
  await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: true });
  const refused = `${rig.site.otherOrigin}/data?refused`;
  await isolated.evaluate(
    (src) => new Promise((resolve) => Object.assign(new Image(), { onerror: resolve, onload: resolve, src })),
    refused,
  );
  const { data, url } = await rig.event("console.browser_error", "A response was refused");
  assert.equal(
    data.text,
    "A response was refused: corp not same origin after defaulted to same origin by coep",
  );
  assert.deepEqual([data.source, data.resource_url, url], ["issue", refused, `${rig.site.origin}/isolated`]);
  await isolated.evaluate(() => fetch("/data?after-refused"));
  await rig.event("network.response", "/data?after-refused");
  const messages = await rig.collector.events("type:console.browser_* url:*/isolated");
  assert.equal(messages.length, 1);
  await isolated.close();
});

test("detached, the tab's requests are webRequest's again", async () => {
  await rig.command({ command: "debug", tab_id: tabId, on: false });
  await page.evaluate(() => fetch("/data?detached"));
  const response = await rig.event("network.response", "/data?detached");
  assert.equal(response.source.event, "webRequest.onCompleted");
});

/** Returns the producers of a request's events, one name per event. @param {string} path */
const tellers = async (path) =>
  (await rig.collector.events(`category:network url:*${path}`))
    // The page's own reports of its requests are not the browser's.
    .filter(({ source }) => source.event !== "fetch")
    .map(({ type, source }) => `${type.replace("network.", "")} ${source.kind}`);

const debuggerState = async () => (await rig.command({ command: "status" })).debugger;

test("a request that is under way when the tab is attached to is recorded by the producer that saw it begin", async () => {
  await page.evaluate(() => {
    void fetch("/held?body").then((response) => response.text());
    void fetch("/held?headers").then((response) => response.text());
  });
  await rig.poll("the requests", async () => held.length === 2);
  const of = (/** @type {string} */ what) => held.find(({ req }) => req.url?.includes(what));
  // With its length, a response that takes longer than a second is not taken for a stream.
  of("body")?.writeHead(200, { "content-type": "text/plain", "content-length": 12 }).write("beginning");
  await rig.event("network.request", "/held?body");
  await rig.command({ command: "debug", tab_id: tabId, on: true });
  for (const response of held) response.end("end");
  for (const what of ["body", "headers"]) await rig.event("network.response", `/held?${what}`);
  await page.evaluate(() => fetch("/data?after-held").then((response) => response.text()));
  await rig.event("network.response", "/data?after-held");
  await rig.flushed();
  for (const what of ["body", "headers"])
    assert.deepEqual(await tellers(`/held?${what}`), ["request extension", "response extension"]);
  assert.deepEqual(await tellers("/data?after-held"), ["request cdp", "response cdp"]);
  const ends = await rig.collector.events("type:network.response");
  assert.deepEqual(
    ends.filter(({ url }) => url === undefined),
    [],
  );
  await rig.command({ command: "debug", tab_id: tabId, on: false });
});

test("attached to all tabs, those that are open and those that come later", async () => {
  await rig.command({ command: "debug", tab_id: "all", on: true });
  assert.ok((await debuggerState()).tab_ids.includes(tabId));
  const later = await rig.open("/page?later");
  const { source } = await rig.event("page.settled", "/page?later");
  const laterId = Number(source.metadata.tab_id);
  await rig.poll("the later tab", async () => (await debuggerState()).tab_ids.includes(laterId));
  await later.evaluate(() => fetch("/data?later").then((response) => response.text()));
  await rig.event("network.response", "/data?later");
  assert.deepEqual(await tellers("/data?later"), ["request cdp", "response cdp"]);
  await later.close();
  const detached = await rig.until(`type:system.debugger_detached tab:${laterId}`, (all) => all.length > 0);
  assert.deepEqual(detached[0]?.data, { reason: "target_closed" });
});

test("after the worker's death each request is recorded once, and workers and sockets are still recorded", async () => {
  await page.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    scope.lasting = new Worker("/lasting.js");
    return new Promise((resolve) => {
      scope.lasting.onmessage = resolve;
    });
  });
  await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url);
        socket.onopen = resolve;
        /** @type {any} */ (globalThis).socket = socket;
      }),
    `ws://127.0.0.1:${rig.site.port}/socket?lasting`,
  );
  await rig.event("network.websocket_opened", "?lasting");
  await rig.event("console.log", "lasting begins");
  await rig.flushed();
  // State that a worker changes in its last moments is not restored by the next one.
  await page.waitForTimeout(200);
  await rig.killWorker();
  // These wake it: both producers see them before it has read what it is attached to.
  await page.evaluate(() =>
    Promise.all([0, 1, 2].map((n) => fetch(`/data?woken-${n}`).then((response) => response.text()))),
  );
  for (const n of [0, 1, 2]) {
    await rig.event("network.response", `/data?woken-${n}`);
    assert.deepEqual(await tellers(`/data?woken-${n}`), ["request cdp", "response cdp"]);
  }
  assert.ok((await debuggerState()).tab_ids.includes(tabId));
  const [{ source }] = /** @type {any} */ (await rig.collector.events("url:*/data?woken-0"));
  assert.equal(source.metadata.frame_id, "0");
  assert.match(source.metadata.navigation_id, /./);
  await page.evaluate(() => /** @type {any} */ (globalThis).lasting.postMessage("still there"));
  await rig.event("console.log", "still there");
  await page.evaluate(() => /** @type {any} */ (globalThis).socket.send("through the same socket"));
  const sent = await rig.event("network.websocket_sent", "through the same socket");
  assert.match(`${sent.url}`, /\?lasting$/);
});

test("the end of recording detaches, and the next one attaches again", async () => {
  await rig.command({ command: "stop" });
  assert.deepEqual(await debuggerState(), { available: true, all_tabs: true, tab_ids: [] });
  await assert.rejects(
    (await rig.worker()).evaluate(
      (id) => chrome.debugger.sendCommand({ tabId: id }, "Network.disable"),
      tabId,
    ),
    /not attached/,
  );
  await rig.command({ command: "start" });
  assert.ok((await debuggerState()).tab_ids.includes(tabId));
  await page.evaluate(() => fetch("/data?again").then((response) => response.text()));
  await rig.event("network.response", "/data?again");
  assert.deepEqual(await tellers("/data?again"), ["request cdp", "response cdp"]);
});

test("an attachment that fails half-way is given up, and the tab stays webRequest's", async () => {
  await rig.command({ command: "debug", tab_id: "all", on: false });
  assert.deepEqual((await debuggerState()).tab_ids, []);
  await (await rig.worker()).evaluate(() => {
    const send = chrome.debugger.sendCommand;
    /** @type {any} */ (chrome.debugger).sendCommand = async (/** @type {any[]} */ ...args) => {
      if (args[1] === "Target.setAutoAttach") throw new Error("half-way");
      return /** @type {any} */ (send).apply(chrome.debugger, args);
    };
    /** @type {any} */ (globalThis).restore = () => {
      chrome.debugger.sendCommand = send;
    };
  });
  await assert.rejects(rig.command({ command: "debug", tab_id: tabId, on: true }), /half-way/);
  await (await rig.worker()).evaluate(() => /** @type {any} */ (globalThis).restore());
  assert.deepEqual((await debuggerState()).tab_ids, []);
  await page.evaluate(() => fetch("/data?half").then((response) => response.text()));
  await rig.event("network.response", "/data?half");
  assert.deepEqual(await tellers("/data?half"), ["request extension", "response extension"]);
  await rig.command({ command: "debug", tab_id: tabId, on: true });
  await rig.command({ command: "debug", tab_id: tabId, on: false });
});

test("the stream says from when to when each producer recorded a tab, and who was let in", async () => {
  await rig.flushed();
  const told = (await rig.collector.events(`type:system.debugger_* tab:${tabId}`)).map(({ type, data }) =>
    `${type.replace("system.debugger_", "")} ${/** @type {any} */ (data).reason ?? ""}`.trim(),
  );
  assert.deepEqual(told, Array(5).fill(["attached", "detached asked"]).flat());
  const settings = (await rig.collector.events("type:system.settings_changed")).map(({ data }) => data);
  assert.deepEqual(settings, [
    { patch: { debugger_all_tabs: true } },
    { patch: { debugger_all_tabs: false } },
  ]);
});
