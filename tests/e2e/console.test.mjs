/** Console, uncaught errors and rejections, from the first inline script on, in every kind of frame. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { startRig } from "./fixtures/rig.mjs";

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
before(async () => {
  rig = await startRig({
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
        console.log("%cstyled%c %s %d %o 100%%", "color:red", "", "text", 4.7, { a: 1 }, "rest");`),
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
});
after(() => rig.close());

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

test("format directives are applied to the text", async () => {
  const event = await rig.event("console.log", "styled");
  assert.equal(event.data.text, "styled text 4 {a: 1} 100% rest");
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
