/** Console, uncaught errors and rejections, from the first inline script on, in every kind of frame. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** Made up; redaction recognizes it by the name of its header. */
const TOKEN = "q8f7e6d5c4b3a29180f7e6d5c4b3a291";

const rig = await sharedRig({
  pages: {
    "/methods": scripted(`
      console.log("m log"); console.info("m info"); console.warn("m warn"); console.error("m error");
      console.debug("m debug"); console.trace("m trace"); console.assert(true, "m not"); console.assert(false, "m assert");
      console.table([{ m: 1 }]); console.dir({ m: 2 }); console.count("m"); console.count("m"); console.countReset("m");
      console.group("m group"); console.log("m inside"); console.groupEnd();
      console.time("m timer"); console.timeLog("m timer"); console.timeEnd("m timer");`),
    "/previews": scripted(`
      class Point { constructor() { this.x = 1; this.y = 2; } }
      const circular = { name: "circular" }; circular.self = circular;
      console.log("p values", new Map([["k", { v: 1 }]]), new Set([1, "two"]), new Date(0), /ab+/g, function named() {},
        Symbol("s"), 10n, undefined, null, NaN, -0, new Uint8Array([1, 2]), Promise.resolve(), [, 1]);
      console.log("p objects", new Point(), circular, document.documentElement, { $: 1 });
      console.log("p error", new TypeError("outer", { cause: new RangeError("inner") }));
      console.log("p exceptions", AbortSignal.abort().reason, new DOMException("x", "AbortError"));
      console.log("%cstyled%c %s %d %o 100%%", "color:red", "", "text", 4.7, { a: 1 }, "rest");
      console.log("%cpainted%c and plain", "color: red", "");`),
    "/platform": scripted(`
      const headers = new Headers({ accept: "text/html", authorization: "Bearer ${TOKEN}" });
      const form = new FormData(); form.append("name", "n"); form.append("file", new File(["abc"], "a.txt", { type: "text/plain", lastModified: 5 }));
      const url = new URL("/x?y=1#z", location); const request = new Request(url, { method: "POST", headers: { accept: "a/b" } });
      console.log("f objects", url, new URLSearchParams("a=1&b=2"), headers, form, request, new DOMRect(1, 2, 3, 4), new Blob(["ab"]));
      console.log("f response", new Response("x", { status: 418, statusText: "teapot", headers: { a: "b" } }), { nested: { url } });
      const error = new TypeError("of an event");
      console.log("f events", new CloseEvent("close", { code: 4003, reason: "why", wasClean: true }), new MessageEvent("message", { data: { a: 1 }, origin: "https://a.test" }),
        new CustomEvent("mine", { detail: { deep: [1] } }), new ErrorEvent("error", { message: "m", filename: "f.js", lineno: 3, colno: 4, error }), new Event("plain"),
        new PromiseRejectionEvent("unhandledrejection", { promise: Promise.resolve(), reason: "because" }), new ProgressEvent("progress", { loaded: 1, total: 2 }),
        new KeyboardEvent("keydown", { key: "Enter" }), new KeyboardEvent("keydown", { key: "p" }));
      const button = document.createElement("button"); button.id = "b"; button.onclick = (event) => console.log("f click", event, { deep: { er: { event } } }); button.click();
      const like = Object.create(URL.prototype); const ours = Object.assign(new URL("https://b.test/"), { added: 1 });
      console.log("f odd", like, ours, Object.create(Headers.prototype));
      const video = document.createElement("video"); video.onerror = () => console.log("f media", video.error); video.src = "data:video/mp4,none";
      const socket = new WebSocket("ws://127.0.0.1:9/none"); socket.onclose = (event) => console.log("f socket", event);`),
    "/fields": scripted(`
      class RequestError extends Error { constructor(message, more) { super(message); Object.assign(this, more); } }
      const config = { url: "/api", method: "get", transform: [function clean() {}] };
      const response = { status: 404, data: { why: "no such order" }, config };
      console.error("e own", new RequestError("failed", { config, code: "ERR_BAD_REQUEST", request: new XMLHttpRequest(), response, status: 404 }));
      const plain = new Error("plain"); Object.defineProperty(plain, "hidden", { value: 1 });
      console.error("e plain", plain);
      const touchy = new Error("touchy"); Object.defineProperty(touchy, "boom", { enumerable: true, get() { ran = true; } }); console.error("e getter", touchy);
      const hiding = new Error("hidden"); for (const [key, value] of [["error", new Error("newer")], ["suppressed", new RangeError("older")]]) Object.defineProperty(hiding, key, { value });
      console.error("e suppressed", hiding, window.ran);
      Promise.reject(new RequestError("uncaught", { status: 500 }));`),
    "/of-a-frame": scripted(`
      const frame = document.createElement("iframe"); document.documentElement.append(frame);
      const inner = frame.contentWindow;
      const make = inner.eval("({ map: new Map([[1, { a: 2 }]]), set: new Set([1]), date: new Date(0), url: new URL('https://c.test/'), list: [1, { b: 3 }], pattern: /x/, error: new RangeError('of a frame'), exception: AbortSignal.abort().reason, event: new CustomEvent('e', { detail: 5 }), headers: new Headers({ a: 'b' }), node: document.createElement('p') })");
      console.log("o objects", make);
      inner.eval("Error.prepareStackTrace = () => { top.ran = true; return 'x'; }");
      console.log("o formatted", inner.eval("new Error('formatted')"), window.ran);`),
    "/state": scripted(`
      console.count("s"); console.count("s"); console.countReset("s"); console.count("s"); console.countReset("s none");
      console.count(null); console.count(); console.count(undefined); console.count(10n); console.count({ toString() { return "its own"; } });
      console.time("s timer"); console.time("s timer");
      const until = performance.now() + 20; while (performance.now() < until);
      console.timeLog("s timer", "with", { more: 1 }); console.timeEnd("s timer"); console.timeEnd("s timer");
      console.groupCollapsed("s folded"); console.dirxml(document.body ?? document.documentElement); console.groupEnd();
      console.group(); console.groupEnd(); console.trace(); console.clear(); console.info("state ends");`),
    "/kinds": scripted(`
      console.log("%i %f %O|%d %c%%", "42.9px", "1.5", { deep: { er: 1 } }, -3.7, "color: red", "kinds formats");
      console.log("kinds aggregate", new AggregateError([new TypeError("first"), new RangeError("second")], "both"));
      console.log("kinds symbols", { [Symbol("key")]: 1, plain: 2 });
      const wide = {}; for (let at = 0; at < 1e6; at++) wide["k" + at] = at;
      const hidden = Object.defineProperties({}, Object.fromEntries(Array.from({ length: 20000 }, (_, at) => ["h" + at, { value: 1 }])));
      const before = performance.now(); console.log("kinds wide", wide, hidden); const took = performance.now() - before;
      console.log("kinds many", ...Array.from({ length: 50000 }, () => undefined));
      console.info("kinds took " + took);`),
    "/cuts": scripted(`
      const parts = ["c", "u", "t", "s"].map((letter) => letter.repeat(1638));
      console.log(...parts, "x".repeat(1636)); console.log(...parts, "x".repeat(1637));
      console.count("l".repeat(1024)); console.count("l".repeat(1025));
      Error.stackTraceLimit = 200;
      const dive = Function("n", "say", "const " + "d".repeat(200) + " = (n) => n === 0 ? console.warn(say) : " + "d".repeat(200) + "(n - 1); " + "d".repeat(200) + "(n)");
      dive(20, "cuts few"); dive(150, "cuts many");
      const short = "u".repeat(2048); const long = "v".repeat(2049);
      setTimeout("throw 1; //# sourceURL=" + short); setTimeout("throw 2; //# sourceURL=" + long);
      setTimeout(() => console.info("cuts end"), 50);`),
    "/overflows": scripted(`
      let times = 0;
      function dive() { try { dive(); } catch { console.error("at the end of the stack " + times++); } }
      addEventListener("load", () => { for (let n = 0; n < 20; n++) dive(); console.log("back from the end"); });`),
    "/throws": scripted(`
      setTimeout(() => { throw new RangeError("thrown late"); });
      Promise.reject(new Error("rejected")); Promise.reject(42);
      throw new TypeError("thrown at once");`),
    "/cross-origin-script": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/html" })
        .end(`<script src="${rig.site.otherOrigin}/throwing.js"></script>`),
    "/throwing.js": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/javascript" })
        .end(`throw new Error("of another origin")`),
    "/frames": (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end(`<!doctype html><body>
        <iframe srcdoc="<script>console.log('in srcdoc')</script>"></iframe>
        <iframe sandbox="allow-scripts" srcdoc="<script>console.log('in sandbox')</script>"></iframe>
        <iframe src="data:text/html,<script>console.log('in data')</script>"></iframe>
        <iframe src="${rig.site.otherOrigin}/child"></iframe>
        <script>
          const blank = document.createElement("iframe");
          document.body.append(blank);
          blank.contentWindow.eval("console.log('in about:blank')");
          const blob = document.createElement("iframe");
          blob.src = URL.createObjectURL(new Blob(["<script>console.log('in blob')<\\/script>"], { type: "text/html" }));
          document.body.append(blob);
        </script>`),
    "/child": scripted(`console.log("in cross-origin")`),
    "/strict-csp": (_, response) =>
      response
        .writeHead(200, {
          "content-type": "text/html",
          "content-security-policy": "default-src 'none'; script-src 'nonce-n'; sandbox allow-scripts",
        })
        .end(`<script nonce="n">console.log("under strict csp")</script>`),
  },
});

/** @param {import("../../src/web/types.ts").Event[]} events @param {string} type */
const texts = (events, type) =>
  events.filter((event) => event.type === type).map((event) => /** @type {any} */ (event.data).text);

test("every method of console becomes an event of its own type, in the page's order", async () => {
  const page = await rig.open("/methods");
  const events = await rig.until("url:*/methods category:console", (found) =>
    found.some(({ type }) => type === "console.time_end"),
  );
  assert.deepEqual(
    events.map(({ type }) => type.replace("console.", "")),
    [
      "log",
      "info",
      "warn",
      "error",
      "debug",
      "trace",
      "assert",
      "table",
      "dir",
      "count",
      "count",
      "count_reset",
      "group",
      "log",
      "group_end",
      "time",
      "time_log",
      "time_end",
    ],
  );
  assert.deepEqual(texts(events, "console.assert"), ["m assert"]);
  assert.deepEqual(
    events.filter(({ type }) => type === "console.count").map(({ data }) => /** @type {any} */ (data).count),
    [1, 2],
  );
  const inside = events.find(({ data }) => /** @type {any} */ (data).text === "m inside");
  assert.equal(/** @type {any} */ (inside)?.data.group_depth, 1);
  const ts = events.map((event) => event.ts);
  assert.deepEqual(
    ts,
    [...ts].sort((a, b) => a - b),
  );
  await page.close();
});

test("errors and warnings come with the page's own stack and nothing of ours in it", async () => {
  const event = await rig.event("console.error", "m error");
  assert.match(event.data.stack, /\/methods:\d+:\d+/);
  assert.doesNotMatch(event.data.stack, /chrome-extension:/);
});

test("every event names tab, window, frame and document", async () => {
  const { source, url } = await rig.event("console.log", "m log");
  for (const name of ["tab_id", "window_id", "frame_id", "document_id", "navigation_id"]) {
    assert.match(source.metadata[name] ?? "", /./, name);
  }
  assert.equal(source.metadata.frame_id, "0");
  assert.equal(source.event, "console.log");
  assert.equal(url, `${rig.site.origin}/methods`);
});

test("arguments are previewed so that a person can read them", async () => {
  const page = await rig.open("/previews");
  const values = await rig.event("console.log", "p values");
  assert.deepEqual(values.data.args.slice(1), [
    { $: "Map", size: 1, entries: [["k", { v: 1 }]] },
    { $: "Set", size: 2, items: [1, "two"] },
    { $: "Date", value: "1970-01-01T00:00:00.000Z" },
    { $: "RegExp", value: "/ab+/g" },
    { $: "function", name: "named" },
    { $: "symbol", text: "Symbol(s)" },
    { $: "bigint", value: "10" },
    { $: "undefined" },
    null,
    { $: "number", value: "NaN" },
    { $: "number", value: "-0" },
    { $: "Uint8Array", length: 2, items: [1, 2] },
    { $: "Promise" },
    [{ $: "empty" }, 1],
  ]);
  const objects = await rig.event("console.log", "p objects");
  assert.deepEqual(objects.data.args.slice(1), [
    { $: "Point", props: { x: 1, y: 2 } },
    { name: "circular", self: { $: "circular" } },
    { $: "HTMLHtmlElement", node: "html" },
    { $: "Object", props: { $: 1 } },
  ]);
  const error = await rig.event("console.log", "p error");
  const [, shown] = error.data.args;
  assert.equal(shown.$, "TypeError");
  assert.match(shown.stack, /outer\n\s+at .*\/previews:\d+/);
  assert.equal(shown.cause.message, "inner");
  const [, aborted, made] = (await rig.event("console.log", "p exceptions")).data.args;
  assert.equal(aborted.$, "AbortError");
  assert.match(aborted.stack, /^AbortError: signal is aborted.*\n\s+at .*\/previews:\d+/);
  // The browser gives it no stack of its own.
  assert.deepEqual(made, { $: "AbortError", message: "x" });
  await page.close();
});

test("objects of the platform and events show what they have, and run no code", async () => {
  const page = await rig.open("/platform");
  const { args } = (await rig.event("console.log", "f objects")).data;
  assert.deepEqual(args.slice(1, 3), [
    { $: "URL", props: { href: `${rig.site.origin}/x?y=1#z` } },
    {
      $: "URLSearchParams",
      size: 2,
      entries: [
        ["a", "1"],
        ["b", "2"],
      ],
    },
  ]);
  const [, , , headers, form, request, rect, blob] = args;
  assert.deepEqual([headers.$, headers.size, headers.entries[0]], ["Headers", 2, ["accept", "text/html"]]);
  assert.ok(!JSON.stringify(headers).includes(TOKEN), "a header's secret is replaced");
  assert.deepEqual(form.entries, [
    ["name", "n"],
    ["file", { $: "File", props: { name: "a.txt", lastModified: 5, type: "text/plain", size: 3 } }],
  ]);
  assert.deepEqual(
    [request.$, request.props.method, request.props.headers.entries],
    ["Request", "POST", [["accept", "a/b"]]],
  );
  assert.deepEqual(rect, { $: "DOMRect", props: { x: 1, y: 2, width: 3, height: 4 } });
  assert.deepEqual(blob, { $: "Blob", props: { size: 2 } });
  const [, response, nested] = (await rig.event("console.log", "f response")).data.args;
  assert.deepEqual(
    [response.props.status, response.props.statusText, response.props.ok],
    [418, "teapot", false],
  );
  assert.equal(nested.nested.url.props.href, `${rig.site.origin}/x?y=1#z`);
  const [, close, message, custom, failed, plain, rejection, progress, enter, letter] = (
    await rig.event("console.log", "f events")
  ).data.args;
  assert.deepEqual(close, {
    $: "CloseEvent",
    props: { type: "close", code: 4003, reason: "why", wasClean: true },
  });
  assert.deepEqual(message.props, { type: "message", data: { a: 1 }, origin: "https://a.test" });
  assert.deepEqual(custom.props, { type: "mine", detail: { deep: [1] } });
  assert.deepEqual([failed.props.message, failed.props.filename, failed.props.lineno], ["m", "f.js", 3]);
  assert.deepEqual([failed.props.error.$, failed.props.error.message], ["TypeError", "of an event"]);
  assert.deepEqual(plain, { $: "Event", props: { type: "plain" } });
  assert.equal(rejection.props.reason, "because");
  assert.deepEqual([progress.props.loaded, progress.props.total], [1, 2]);
  assert.deepEqual([enter.props.key, letter.props.key], ["Enter", undefined]);
  const [, click, deep] = (await rig.event("console.log", "f click")).data.args;
  assert.equal(click.$, "PointerEvent");
  assert.deepEqual(click.props.target, { $: "HTMLButtonElement", node: "button#b" });
  assert.deepEqual(deep.deep.er.event, { $: "PointerEvent", type: "click" });
  const [, like, ours, none] = (await rig.event("console.log", "f odd")).data.args;
  assert.deepEqual(like, { $: "URL", props: {} });
  assert.deepEqual(ours, { $: "URL", props: { href: "https://b.test/", added: 1 } });
  assert.deepEqual(none, { $: "Headers", props: {} });
  const media = (await rig.event("console.log", "f media")).data.args[1];
  assert.deepEqual([media.$, media.props.code], ["MediaError", 4]);
  const socket = (await rig.event("console.log", "f socket")).data.args[1];
  assert.deepEqual(
    [socket.props.code, socket.props.wasClean, socket.props.target.$],
    [1006, false, "WebSocket"],
  );
  await page.close();
});

test("an error shows its own fields, the telling ones first", async () => {
  const page = await rig.open("/fields");
  const own = (await rig.event("console.error", "e own")).data.args[1];
  assert.equal(own.message, "failed");
  assert.deepEqual(Object.keys(own.fields), ["code", "status", "response", "config", "request"]);
  assert.deepEqual(own.fields.response.data, { why: "no such order" });
  assert.deepEqual([own.fields.config.url, own.fields.request.$], ["/api", "XMLHttpRequest"]);
  assert.equal((await rig.event("console.error", "e own")).data.text, "e own Error: failed");
  assert.equal((await rig.event("console.error", "e plain")).data.args[1].fields, undefined);
  assert.deepEqual((await rig.event("console.error", "e getter")).data.args[1].fields, {
    boom: { $: "getter" },
  });
  const [, hiding, ran] = (await rig.event("console.error", "e suppressed")).data.args;
  assert.deepEqual([hiding.error.message, hiding.suppressed.message], ["newer", "older"]);
  assert.deepEqual(ran, { $: "undefined" });
  const uncaught = await rig.event("console.rejection", "uncaught");
  assert.deepEqual(uncaught.data.error.fields, { status: 500 });
  await page.close();
});

test("objects of a frame of the same origin show what those of the page show", async () => {
  const page = await rig.open("/of-a-frame");
  const shown = (await rig.event("console.log", "o objects")).data.args[1];
  assert.deepEqual(shown.map, { $: "Map", size: 1, entries: [[1, { a: 2 }]] });
  assert.deepEqual(shown.set, { $: "Set", size: 1, items: [1] });
  assert.deepEqual(shown.date, { $: "Date", value: "1970-01-01T00:00:00.000Z" });
  assert.deepEqual(shown.url, { $: "URL", props: { href: "https://c.test/" } });
  assert.deepEqual(shown.list, [1, { b: 3 }]);
  assert.deepEqual(shown.pattern, { $: "RegExp", value: "/x/" });
  assert.match(shown.error.stack, /^RangeError: of a frame\n\s+at /);
  assert.match(shown.exception.stack, /^AbortError: .*\n\s+at /);
  assert.deepEqual(shown.event.props, { type: "e", detail: 5 });
  assert.deepEqual(shown.headers.entries, [["a", "b"]]);
  assert.deepEqual(shown.node, { $: "HTMLParagraphElement", node: "p" });
  const [, formatted, ran] = (await rig.event("console.log", "o formatted")).data.args;
  assert.deepEqual([formatted.message, formatted.stack, ran], ["formatted", undefined, { $: "undefined" }]);
  await page.close();
});

test("format directives are applied to the text", async () => {
  const event = await rig.event("console.log", "styled");
  assert.equal(event.data.text, "styled text 4 {a: 1} 100% rest");
  const painted = await rig.event("console.log", "painted");
  assert.deepEqual(
    [painted.data.text, painted.data.args],
    ["painted and plain", ["%cpainted%c and plain", "color: red", ""]],
  );
});

test("counts and timers are recorded as the browser prints them", async () => {
  const page = await rig.open("/state");
  const events = await rig.until("url:*/state category:console", (found) =>
    found.some(({ data }) => /** @type {any} */ (data).text === "state ends"),
  );
  const said = events.map(({ type, data }) => ({ type: type.slice(8), .../** @type {any} */ (data) }));
  const counts = said.filter(({ type }) => type.startsWith("count"));
  assert.deepEqual(
    counts.map(({ text, label, count }) => [text, label, count]),
    [
      ["s: 1", "s", 1],
      ["s: 2", "s", 2],
      ["s", "s", undefined],
      ["s: 1", "s", 1],
      ["Count for 's none' does not exist", "s none", undefined],
      ["null: 1", "null", 1],
      ["default: 1", "default", 1],
      ["default: 2", "default", 2],
      ["10: 1", "10", 1],
      ["[object Object]: 1", "[object Object]", 1],
    ],
  );
  const timers = said.filter(({ type }) => type.startsWith("time"));
  assert.deepEqual(
    timers.map(({ type, label }) => [type, label]),
    ["time", "time", "time_log", "time_end", "time_end"].map((type) => [type, "s timer"]),
  );
  const [first, second, log, end, gone] = timers;
  assert.deepEqual([first.text, second.text], ["s timer", "Timer 's timer' already exists"]);
  assert.ok(log.elapsed_ms >= 20 && end.elapsed_ms >= log.elapsed_ms, `${log.elapsed_ms} ${end.elapsed_ms}`);
  assert.equal(log.text, `s timer: ${log.elapsed_ms} ms with {more: 1}`);
  assert.equal(end.text, `s timer: ${end.elapsed_ms} ms`);
  assert.deepEqual([gone.text, gone.elapsed_ms], ["Timer 's timer' does not exist", undefined]);
  assert.deepEqual(
    said.slice(-8).map(({ type, text, group_depth }) => [type, text, group_depth]),
    [
      ["group_collapsed", "s folded", undefined],
      ["dirxml", "<html>", 1],
      ["group_end", "", undefined],
      ["group", "console.group", undefined],
      ["group_end", "", undefined],
      ["trace", "console.trace", undefined],
      ["clear", "", undefined],
      ["info", "state ends", undefined],
    ],
  );
  await page.close();
});

test("formats, errors of errors and symbols are recorded; what is wide costs a moment and is cut", async () => {
  const page = await rig.open("/kinds");
  const formats = await rig.event("console.log", "kinds formats");
  assert.equal(formats.data.text, "42 1.5 {deep: {er: 1}}|-3 % kinds formats");
  const aggregate = (await rig.event("console.log", "kinds aggregate")).data.args[1];
  assert.equal(aggregate.$, "AggregateError");
  assert.deepEqual(
    aggregate.errors.map((/** @type {any} */ error) => [error.$, error.message]),
    [
      ["TypeError", "first"],
      ["RangeError", "second"],
    ],
  );
  const symbols = await rig.event("console.log", "kinds symbols");
  assert.deepEqual(symbols.data.args[1], { plain: 2, "Symbol(key)": 1 });
  assert.equal(symbols.data.text, "kinds symbols {plain: 2, Symbol(key): 1}");
  const wide = await rig.event("console.log", "kinds wide");
  assert.equal(wide.truncated, true);
  assert.equal(wide.data.args[1].more, 1e6 - 30);
  const many = await rig.event("console.log", "kinds many");
  assert.ok(JSON.stringify(many).length < 40_000 && many.truncated);
  const { data } = await rig.event("console.info", "kinds took");
  assert.ok(Number(data.text.split(" ").at(-1)) < 10_000, data.text);
  await page.close();
});

test("what is cut says so, and what just fits does not", async () => {
  const page = await rig.open("/cuts");
  const events = await rig.until("url:*/cuts category:console", (found) =>
    found.some(({ data }) => /** @type {any} */ (data).text === "cuts end"),
  );
  const [fits, tooLong, label, longLabel, few, many, place, longPlace] = events.map(
    ({ data, truncated }) => ({
      .../** @type {any} */ (data),
      truncated,
    }),
  );
  assert.deepEqual([fits.text.length, fits.truncated], [8_192, undefined]);
  assert.deepEqual([tooLong.text, tooLong.truncated], [fits.text, true]);
  assert.deepEqual([label.label.length, label.count, label.truncated], [1_024, 1, undefined]);
  assert.deepEqual([longLabel.label, longLabel.count, longLabel.truncated], [label.label, undefined, true]);
  assert.deepEqual([few.text, few.truncated], ["cuts few", undefined]);
  assert.deepEqual([many.text, many.truncated, many.stack.length], ["cuts many", true, 16_384]);
  assert.deepEqual([place.location.url, place.truncated], ["u".repeat(2_048), undefined]);
  assert.deepEqual([longPlace.location.url, longPlace.truncated], ["v".repeat(2_048), true]);
  await page.close();
});

test("a line from the end of the stack is recorded or counted, and later ones are recorded", async () => {
  const page = await rig.context.newPage();
  /** The texts of Chromium's own console. @type {string[]} */
  const printed = [];
  page.on("console", (message) => printed.push(message.text()));
  await page.goto(`${rig.site.origin}/overflows`);
  await rig.event("console.log", "back from the end");
  await rig.flushed();
  const lines = printed.filter((text) => text.startsWith("at the end of the stack"));
  assert.equal(lines.length, 20);
  const records = await rig.collector.records("category:console");
  const stored = records.map((record) => "event" in record && /** @type {any} */ (record.event.data).text);
  const counted = records.reduce(
    (sum, record) =>
      "gap" in record && record.gap.reason === "hook_failed"
        ? sum + record.gap.last_seq - record.gap.first_seq + 1
        : sum,
    0,
  );
  const missing = lines.filter((text) => !stored.includes(text)).length;
  assert.ok(missing <= counted, `${missing} are missing, ${counted} are counted`);
  await page.close();
});

test("uncaught errors and rejections come with message, place and stack", async () => {
  const page = await rig.open("/throws");
  const atOnce = await rig.event("console.exception", "thrown at once");
  assert.equal(atOnce.data.text, "Uncaught TypeError: thrown at once");
  assert.equal(atOnce.data.location.url, `${rig.site.origin}/throws`);
  assert.ok(atOnce.data.location.line > 0);
  assert.match(atOnce.data.error.stack, /TypeError: thrown at once\n\s+at /);
  await rig.event("console.exception", "thrown late");
  const rejected = await rig.event("console.rejection", "rejected");
  assert.equal(rejected.data.text, "Uncaught (in promise) Error: rejected");
  const number = await rig.event("console.rejection", "(in promise) 42");
  assert.equal(number.data.error, 42);
  await page.close();
});

test("a rejection that is handled later or prevented is marked so, and no other", async () => {
  const page = await rig.open("/throws");
  await page.evaluate(async () => {
    addEventListener("unhandledrejection", (event) => {
      if (String(event.reason).includes("prevented")) event.preventDefault();
    });
    const later = Promise.reject(new Error("handled in a moment"));
    // In a task after its own event's: until then it counts as handled in time.
    await new Promise((resolve) =>
      addEventListener("unhandledrejection", ({ promise }) => promise === later && setTimeout(resolve)),
    );
    later.catch(() => {});
    void Promise.reject(new Error("prevented by the page"));
    void Promise.reject(new Error("left alone"));
  });
  for (const [text, how] of [
    ["handled in a moment", "handled"],
    ["prevented by the page", "prevented"],
  ]) {
    const { data, source } = await rig.event("console.rejection", text);
    const marks = await rig.until("type:console.rejection_handled", (events) =>
      events.some((event) => /** @type {any} */ (event.data).how === how),
    );
    const mark = /** @type {any} */ (marks.find((event) => /** @type {any} */ (event.data).how === how));
    assert.equal(mark.data.rejection, data.rejection, text);
    assert.equal(mark.source.metadata.document_id, source.metadata.document_id);
  }
  await rig.event("console.rejection", "left alone");
  await page.close();
  await rig.flushed();
  assert.equal((await rig.collector.events("type:console.rejection_handled")).length, 2);
});

test("an error whose report the page prevents is marked so, and no other", async () => {
  const page = await rig.open("/throws");
  await page.evaluate(() => {
    window.onerror = (message) => String(message).includes("dealt with");
    setTimeout(() => {
      throw new Error("dealt with by the page");
    });
    setTimeout(() => {
      throw new Error("left to the browser");
    });
  });
  await rig.event("console.exception", "left to the browser");
  const { data, source } = await rig.event("console.exception", "dealt with");
  const mark = await rig.event("console.exception_handled", "prevented");
  assert.equal(mark.data.exception, data.exception);
  assert.equal(mark.source.metadata.document_id, source.metadata.document_id);
  // The page's last words come after all that it has said before.
  await page.close();
  await rig.flushed();
  assert.equal((await rig.collector.events("type:console.exception_handled")).length, 1);
});

test("the error of another origin's script is said to be one", async () => {
  const page = await rig.open("/cross-origin-script");
  const event = await rig.event("console.exception", "Script error.");
  assert.equal(event.data.cross_origin, true);
  await page.close();
});

test("the first inline log of every kind of frame is recorded, and says which frame it was", async () => {
  const page = await rig.open("/frames");
  const kinds = ["in srcdoc", "in sandbox", "in data", "in cross-origin", "in about:blank", "in blob"];
  for (const kind of kinds) {
    const { source } = await rig.event("console.log", kind);
    assert.notEqual(source.metadata.frame_id, "0", kind);
    assert.equal(source.metadata.parent_frame_id, "0", kind);
    assert.match(source.metadata.parent_document_id ?? "", /./, kind);
  }
  await page.close();
});

test("a page under a strict policy and a sandbox is recorded", async () => {
  const page = await rig.open("/strict-csp");
  await rig.event("console.log", "under strict csp");
  await page.close();
});
