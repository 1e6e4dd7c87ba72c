/** The viewer's rules that need no browser. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { dist } from "../../scripts/lib/paths.mjs";
import { serve } from "../../scripts/lib/port.mjs";
import { bundled } from "./bundled.mjs";
import { numbers } from "./tape.mjs";

/** @type {typeof import("../../www/src/list/viewport.ts")} */
const { Viewport, MAX_PHYSICAL_PX } = await bundled("list/viewport.ts");
/** @type {typeof import("../../www/src/list/missing_lines.ts")} */
const { MissingLines } = await bundled("list/missing_lines.ts");
/** @type {typeof import("../../www/src/list/slots.ts")} */
const { Slots } = await bundled("list/slots.ts");
/** @type {typeof import("../../www/src/filter/text.ts")} */
const { terms, valuesOf, withTerm, withValues, freeWords } = await bundled("filter/text.ts");
/** @type {typeof import("../../www/src/detail/curl.ts")} */
const { word } = await bundled("detail/curl.ts");
/** @type {typeof import("../../www/src/detail/causes.ts")} */
const { causesOf } = await bundled("detail/causes.ts");
/** @type {typeof import("../../www/src/detail/frames.ts")} */
const { parseStack } = await bundled("detail/frames.ts");
/** @type {typeof import("../../www/src/detail/editor.ts")} */
const { EDITORS, editorLink } = await bundled("detail/editor.ts");
/** @type {typeof import("../../www/src/detail/source_path.ts")} */
const { pathOfSource } = await bundled("detail/source_path.ts");
/** @type {typeof import("../../www/src/data/preview.ts")} */
const { lineOf } = await bundled("data/preview.ts");
/** @type {typeof import("../../www/src/data/severity.ts")} */
const { severityOf } = await bundled("data/severity.ts");
/** @type {typeof import("../../www/src/timeline/bins.ts")} */
const { bin, stacked } = await bundled("timeline/bins.ts");
/** @type {typeof import("../../www/src/data/columns.ts")} */
const { Columns } = await bundled("data/columns.ts");
/** @type {typeof import("../../www/src/data/lines.ts")} */
const { Lines } = await bundled("data/lines.ts");
/** @type {typeof import("../../www/src/list/reasons.ts")} */
const { gapReason } = await bundled("list/reasons.ts");

/** @type {typeof import("../../www/src/list/summary.ts")} */
const { summaryOf } = await bundled("list/summary.ts");
/** @type {typeof import("../../www/src/list/place.ts")} */
const { scriptPlaceOf } = await bundled("list/place.ts");
/** @type {typeof import("../../www/src/data/collector.ts")} */
const { CollectorSource } = await bundled("data/collector.ts");
/** @type {typeof import("../../www/src/data/coverage.ts")} */
const { lostIn, unwatchedIn, mergeCoverage, watchingFrom } = await bundled("data/coverage.ts");

/** @type {typeof import("../../www/src/network/requests.ts")} */
const { RequestTable } = await bundled("network/requests.ts");
/** @type {typeof import("../../www/src/detail/exchange.ts")} */
const { exchangeOf } = await bundled("detail/exchange.ts");
/** @type {typeof import("../../www/src/sessions/name.ts")} */
const { nameOf } = await bundled("sessions/name.ts");

/** @param {number} rows */
function viewport(rows) {
  const v = new Viewport(24);
  v.rows = rows;
  v.height = 720;
  return v;
}

test("a short list scrolls as the browser does", () => {
  const v = viewport(1_000);
  assert.equal(v.physicalHeight, 24_000);
  v.scrolled(4_800);
  assert.deepEqual(v.range(0), { from: 200, to: 230 });
  assert.equal(v.shift, 0);
});

test("the scroller never grows beyond what browsers allow, and both ends are reached", () => {
  for (const rows of [1_000_000, 10_000_000]) {
    const v = viewport(rows);
    assert.equal(v.physicalHeight, MAX_PHYSICAL_PX);
    v.scrolled(MAX_PHYSICAL_PX - 720);
    assert.equal(v.range(0).to, rows);
    assert.ok(v.atEnd);
    v.scrolled(0);
    assert.equal(v.range(0).from, 0);
  }
});

test("in a long list a small movement moves by as much, and rows stay inside the scroller", () => {
  const random = numbers(7);
  const v = viewport(5_000_000);
  let physical = v.moveTo(60_000_000);
  for (let i = 0; i < 5_000; i++) {
    const by = Math.round((random() - 0.5) * 1_400);
    const before = v.top;
    physical = Math.min(MAX_PHYSICAL_PX - v.height, Math.max(0, physical + by));
    v.scrolled(physical);
    if (physical > 0 && physical < MAX_PHYSICAL_PX - v.height) {
      assert.equal(v.top, Math.min(v.maxTop, Math.max(0, before + by)));
    }
    const { from, to } = v.range(0);
    assert.ok(
      from * 24 + v.shift <= physical && to * 24 + v.shift >= physical + v.height,
      "the view is covered",
    );
    if (i % 50 === 0) physical = v.moveTo(v.top);
  }
});

test("moving to a row shows it, whichever it is", () => {
  const random = numbers(3);
  const v = viewport(3_000_000);
  for (let i = 0; i < 2_000; i++) {
    const row = Math.floor(random() * v.rows);
    v.moveTo(v.topToShow(row));
    assert.ok(v.top <= row * 24 && row * 24 + 24 <= v.top + v.height);
  }
});

test("terms are split as the Selector splits them", () => {
  const text = 'category:console,network -url:"*a b*" free "two words" type:x';
  assert.deepEqual(
    terms(text).map(({ key, value, negated }) => [key, value, negated]),
    [
      ["category", "console,network", false],
      ["url", "*a b*", true],
      ["", "free", false],
      ["", "two words", false],
      ["type", "x", false],
    ],
  );
  assert.deepEqual(freeWords(text), ["free", "two words"]);
});

test("setting a key keeps every other term, and setting it back gives the text back", () => {
  const text = '-category:tab "two words" status:4xx';
  const more = withValues(text, "category", ["console", "page"]);
  assert.equal(more, `category:console,page ${text}`);
  assert.deepEqual(valuesOf(more, "category"), ["console", "page"]);
  assert.equal(withValues(more, "category", []), text);
  assert.equal(withTerm(text, "status:4xx"), text);
});

test("a shell reads back every quoted word, whatever is in it", {
  skip: process.platform === "win32",
}, () => {
  for (const text of [
    "",
    "it's",
    "a'b'c",
    "$(id) `id` $HOME \\ !x",
    "--flag",
    "ä 漢 \u{1f600}",
    "line\nbreak\ttab",
  ]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${word(text)}`], { encoding: "utf8" }), text);
  }
  assert.equal(word("a\u001b[31mb\r\u0000c"), "'a [31mb  c'", "what a terminal would act on is left out");
});

test("stacks of every engine are read", () => {
  const chrome =
    "Error: x\n    at f (http://a.test/app.js?v=1:10:5)\n    at async Promise.all (index 0)\n    at http://a.test/:3:1";
  assert.deepEqual(
    parseStack(chrome).map(({ name, place }) => [name, place]),
    [
      ["f", "app.js:10:5"],
      ["(anonymous)", "a.test/:3:1"],
    ],
  );
  const firefox = "g@http://a.test/lib/node_modules/x/y.js:2:3\n@http://a.test/z.js:1:1";
  assert.deepEqual(
    parseStack(firefox).map(({ name, place, library }) => [name, place, library]),
    [
      ["g", "y.js:2:3", true],
      ["(anonymous)", "z.js:1:1", false],
    ],
  );
  assert.deepEqual(parseStack("no stack at all"), []);
});

test("a place opens in an editor by its path, which stays in the project's folder", () => {
  const settings = {
    editor: "VS Code",
    folders: { "localhost:5173": "/home/me/my shop", "localhost:1": "C:\\work" },
  };
  const link = (/** @type {string} */ source, site = "localhost:5173", editor = "VS Code") =>
    editorLink({ ...settings, editor }, site, { source, line: 4, column: 25 });
  assert.equal(link("src/cart.ts"), "vscode://file/home/me/my%20shop/src/cart.ts:4:25");
  assert.equal(link("src/cart.ts", "localhost:1"), "vscode://file/C:/work/src/cart.ts:4:25");
  assert.equal(link("/abs/[id]/page.tsx", "other"), "vscode://file/abs/%5Bid%5D/page.tsx:4:25");
  assert.equal(
    link("a?b&line=9#c$&.ts", "localhost:5173", "WebStorm"),
    "webstorm://open?file=/home/me/my%20shop/a%3Fb%26line%3D9%23c%24%26.ts&line=4&column=25",
  );
  for (const source of ["../secret.ts", "src/../../x", "/etc/../x"]) assert.equal(link(source), null, source);
  assert.equal(link("src/cart.ts", "other"), null);
  assert.equal(link("src/cart.ts", "localhost:5173", "constructor"), null);
  for (const template of Object.values(EDITORS)) {
    assert.match(template, /^[a-z-]+:\/\//);
    for (const part of ["{file}", "{line}", "{column}"]) assert.ok(template.includes(part));
  }
});

test("a script that this computer serves has a path that the editor opens, and another has none", () => {
  const folders = { "localhost:5173": "/home/me/shop" };
  for (const [url, source, file] of /** @type {[string, string | undefined, string?][]} */ ([
    ["http://localhost:5173/src/App.tsx?t=1", "src/App.tsx", "/home/me/shop/src/App.tsx"],
    ["http://127.0.0.1:1/my%20dir/%40me.js", "my dir/@me.js", "/home/me/shop/my%20dir/%40me.js"],
    [
      "http://shop.localhost/app/(group)/%5Bid%5D/page.tsx",
      "app/(group)/[id]/page.tsx",
      "/home/me/shop/app/(group)/%5Bid%5D/page.tsx",
    ],
    ["http://localhost:5173/@fs/home/x%20y/a.js?v=1", "/home/x y/a.js", "/home/x%20y/a.js"],
    ["http://localhost:5173/@fs/C:/work/x.ts", "C:/work/x.ts", "/C:/work/x.ts"],
    ["http://localhost:5173/a/100%.js", "a/100%.js", "/home/me/shop/a/100%25.js"],
    ["http://localhost:5173/a/..%2F..%5Cx.js", "a/..%2F..%5Cx.js", "/home/me/shop/a/..%252F..%255Cx.js"],
    ["http://localhost:5173/a/%2E%2E/%2e%2e/x.js", "a/../../x.js"],
    ["http://[::1]/", undefined],
    ["https://shop.example/app.js", undefined],
  ])) {
    const [frame] = parseStack(`    at f (${url}:10:5)`);
    assert.equal(frame?.source, source, url);
    const place = { source: source ?? "..", line: 10, column: 5 };
    const link = editorLink({ editor: "VS Code", folders }, "localhost:5173", place);
    assert.equal(link, file === undefined ? null : `vscode://file${file}:10:5`, url);
  }
});

test("what bundlers and servers put before a source is not part of its path", () => {
  for (const [source, path] of /** @type {[string, string][]} */ ([
    ["webpack://name/./src/x.tsx", "src/x.tsx"],
    ["webpack://_N_E/app/(group)/[id]/page.tsx?1f2e", "app/(group)/[id]/page.tsx"],
    ["webpack:///C:/work/x.ts", "C:/work/x.ts"],
    ["webpack-internal:///./src/x.js", "src/x.js"],
    ["webpack-internal:///(app-pages-browser)/./app/(group)/page.tsx", "app/(group)/page.tsx"],
    ["turbopack:///[project]/src/100%.ts", "src/100%.ts"],
    ["file:///home/x y/@me.ts", "/home/x y/@me.ts"],
    ["file:///C:/work/x.ts", "C:/work/x.ts"],
    ["../../src/a.ts", "src/a.ts"],
    ["http://localhost:5173/src/my%20dir/100%.tsx", "src/my dir/100%.tsx"],
    ["http://localhost:5173/@fs/home/x/y.ts", "/home/x/y.ts"],
    ["http://localhost:5173/built/C:/work/x.ts", "C:/work/x.ts"],
  ])) {
    assert.equal(pathOfSource(source), path, source);
  }
});

test("a console's line has the place that wrote it, past the frames of libraries", () => {
  const lib = "    at lib (http://l/node_modules/lib.js:1:1)\n";
  const stack = `${lib}    at f (http://l/a.js:4:9)`;
  /** @param {unknown} data @param {string} [category] */
  const of = (data, category = "console") =>
    scriptPlaceOf({
      ts: 0,
      type: "console.warn",
      category,
      detail_level: "standard",
      source: { kind: "extension" },
      data,
    });
  const url = "http://l/a.js";
  const place = (/** @type {unknown} */ data, /** @type {string} */ category) => {
    const found = of(data, category);
    return found && [found.url, found.line, found.column];
  };
  assert.deepEqual(place({ location: { url, line: 4, column: 9 }, stack: lib }, "console"), [url, 4, 9]);
  assert.deepEqual(place({ stack: lib, args: [{ stack }] }, "console"), [url, 4, 9]);
  assert.deepEqual(place({ error: { stack } }, "console"), [url, 4, 9]);
  assert.deepEqual(place({ args: [1, { stack }] }, "console"), [url, 4, 9]);
  assert.deepEqual(place({ stack: lib }, "console"), ["http://l/node_modules/lib.js", 1, 1]);
  assert.equal(place({ text: "no stack" }, "console"), null);
  assert.equal(place({ stack }, "network"), null);
});

test("values of the hook read as a console shows them", () => {
  for (const [value, expected] of /** @type {[unknown, string][]} */ ([
    [{ $: "undefined" }, "undefined"],
    [{ $: "number", value: "NaN" }, "NaN"],
    [{ $: "bigint", value: "12" }, "12n"],
    [{ $: "function", name: "go" }, "ƒ go()"],
    [{ $: "HTMLDivElement", node: "div#main" }, "<div#main>"],
    [{ $: "Map", size: 3, entries: [["a", 1]] }, "Map(3) {a: 1, …: more}"],
    [{ $: "Point", props: { x: 1, y: 2 } }, "Point {x: 1, y: 2}"],
    [{ $: "TypeError", message: "no", stack: "…" }, "TypeError: no"],
    [{ $: "circular" }, "(circular)"],
    [[1, "two", null], '[1, "two", null]'],
    [{ a: { b: { c: 1 } } }, "{a: {b: {…}}}"],
  ])) {
    assert.equal(lineOf(value), expected.replace("…: more", "…: 2 more"));
  }
});

test("severity follows the core's table", () => {
  /** @param {string} type @param {unknown} [data] */
  const of = (type, data) =>
    severityOf({
      ts: 0,
      type,
      category: type.split(".")[0] ?? "",
      detail_level: "standard",
      source: { kind: "extension" },
      data,
    });
  assert.deepEqual(
    ["console.error", "console.assert", "app.upload_failed", "system.storage_volatile", "network.failed"].map(
      (t) => of(t),
    ),
    [3, 3, 3, 3, 3],
  );
  assert.deepEqual(
    ["console.warn", "page.csp_violation", "system.collector_retrying"].map((t) => of(t)),
    [2, 2, 2],
  );
  assert.deepEqual(
    ["console.debug", "console.trace"].map((t) => of(t)),
    [0, 0],
  );
  assert.deepEqual(
    ["console.log", "app.error.cleared", "app.full"].map((t) => of(t)),
    [1, 1, 1],
  );
  assert.deepEqual(
    [399, 400, 599].map((status) => of("network.response", { status })),
    [1, 3, 3],
  );
});

test("no two rows in view have one slot, and a row keeps its own while it is in view", () => {
  const random = numbers(5);
  const slots = new Slots();
  /** @type {Map<number, number>} */
  let before = new Map();
  let from = 0;
  let most = 0;
  for (let i = 0; i < 2_000; i++) {
    from = random() < 0.1 ? Math.floor(random() * 1e6) : Math.max(0, from + Math.floor(random() * 60) - 30);
    const to = from + 20 + Math.floor(random() * 30);
    const grew = to - from > most;
    most = Math.max(most, to - from);
    slots.show(from, to);
    const now = new Map();
    for (let row = from; row < to; row++) now.set(row, slots.of(row));
    assert.equal(new Set(now.values()).size, to - from);
    if (!grew) for (const [row, slot] of now) if (before.has(row)) assert.equal(slot, before.get(row));
    before = now;
  }
});

test("a session is named by when it began, its sites with their ports, and its errors", () => {
  const at = (/** @type {number} */ day, /** @type {number} */ hour) =>
    new Date(2026, 10, day, hour, 2).getTime() * 1000;
  const name = (
    /** @type {number | null} */ first_ts,
    /** @type {string[]} */ sites,
    error = 0,
    producer = "",
  ) =>
    nameOf(
      {
        ...{
          id: "1",
          last_ts: null,
          latest_seq: 1,
          events: 1,
          counted: true,
          gaps: {},
          missing: 0,
          categories: {},
        },
        ...{ producer, first_ts, severities: { debug: 0, info: 0, warn: 0, error } },
      },
      sites,
      at(24, 15),
    );
  const sites = ["localhost:5173", "localhost:3000", "example.com"];
  assert.equal(name(at(24, 14), sites, 3), "Today 14:02, localhost:5173 and 2 more, 3 errors");
  assert.equal(name(at(23, 23), ["example.com"], 1), "Yesterday 23:02, example.com, 1 error");
  assert.match(name(at(22, 14), []), /22.* 14:02$/);
  assert.equal(name(at(24, 0), [], 0, "build"), "Today 00:02, build");
  assert.equal(name(null, []), "Empty");
});

for (const [folder, isScript] of /** @type {const} */ ([
  ["www", /\.js$/],
  ["extension", /^viewer\.js$/],
  ["bundle", /\.js$/],
])) {
  test(`the viewer's JavaScript takes at most 120 KB, gzipped: ${folder}`, () => {
    const scripts = readdirSync(dist(folder)).filter((name) => isScript.test(name));
    const bytes = scripts.map((name) => gzipSync(readFileSync(dist(folder, name))).length);
    assert.ok(bytes.length > 0 && bytes.reduce((a, b) => a + b) <= 120_000, bytes.join(" + "));
  });
}

test("every record falls into one bin, and the stack's first series is their sum", () => {
  const random = numbers(11);
  const columns = new Columns();
  for (let i = 0; i < 5_000; i++) {
    const gap = i % 100 === 0 ? 3 : 0;
    columns.push({
      session: 0,
      seq: i,
      at: i,
      ts: 1_000 + Math.floor(random() * 9_001),
      type: 0,
      category: i % 4,
      severity: i % 5 === 0 ? 3 : 1,
      tab: -1,
      gap,
      fold: 0,
      nest: 0,
      request: 0,
    });
  }
  const bins = bin([columns], 1_000, 10_000, 37);
  const sum = (/** @type {Iterable<number>} */ all) => [...all].reduce((a, b) => a + b, 0);
  assert.equal(sum([...bins.byCategory.values()].map(sum)), 4_950);
  const series = stacked(bins, [0, 1, 2, 3]);
  assert.equal(sum(series[0] ?? []), 4_950);
  assert.ok(series.every((s, i) => i === 0 || s.every((n, b) => n <= (series[i - 1]?.[b] ?? 0))));
});

test("every documented reason of a gap has words, and an unknown reason is shown as it is", () => {
  const reference = readFileSync(new URL("../../docs/events.md", import.meta.url), "utf8");
  const [, table = ""] = reference.split("## Gaps");
  const reasons = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason = ""]) => reason);
  assert.ok(reasons.length >= 10, `${reasons}`);
  for (const reason of reasons) assert.notEqual(gapReason(reason), reason.replaceAll("_", " "), reason);
  assert.equal(gapReason("of_another"), "of another");
});

test("a time that no stretch covers is not recorded, category by category", () => {
  const on = (
    /** @type {number} */ from_ts,
    /** @type {number | null} */ to_ts,
    /** @type {string[]} */ ...categories
  ) => ({
    from_ts,
    to_ts,
    categories,
  });
  const watching = mergeCoverage([
    {
      watched: [on(10, 20, "console", "network"), on(20, 30, "console")],
      unwatched: [{ from_ts: 14, to_ts: 16 }],
      lost: [],
    },
    { watched: [on(50, null, "console")], unwatched: [], lost: [] },
  ]);
  const missing = (
    /** @type {number} */ from,
    /** @type {number} */ to,
    /** @type {string[]} */ ...categories
  ) => unwatchedIn(watching, { from, to }, categories).map((window) => [window.from, window.to]);
  assert.deepEqual(missing(10, 13), []);
  assert.deepEqual(missing(12, 60), [
    [14, 16],
    [30, 50],
  ]);
  assert.deepEqual(missing(0, 12), [[0, 10]]);
  assert.deepEqual(missing(17, 60, "network"), [[20, 60]]);
  assert.deepEqual(missing(17, 60, "network", "console"), [[30, 50]]);
  assert.deepEqual(missing(31, 40), [[31, 40]]);
  assert.deepEqual(missing(15, 15), [[15, 15]], "a moment is enough");
  const another = mergeCoverage([watching, { watched: [on(0, 25, "console")], unwatched: [], lost: [] }]);
  assert.deepEqual(
    unwatchedIn(another, { from: 12, to: 28 }, []),
    [],
    "another browser was watching meanwhile",
  );
});

test("a document that has lost an unknown number of events is found in its time", () => {
  const span = { from_ts: 10, to_ts: 20, document_id: "D", tab_id: "7", reason: "tab_closed" };
  const watching = mergeCoverage([
    watchingFrom({ watched: [], unwatched: [], lost: [span] }),
    watchingFrom({}),
  ]);
  const found = (/** @type {number} */ from, /** @type {number} */ to) => lostIn(watching, { from, to });
  assert.deepEqual(found(15, 30), [{ from_ts: 10, to_ts: 20, tab: "7", reason: "tab_closed" }]);
  assert.equal(found(20, 30).length, 1);
  assert.deepEqual([...found(0, 9), ...found(21, 30)], []);
});

test("records that retention deleted before they were read are a gap in the list", async () => {
  const line = '{"capture_session_id":"s","seq":10,"event":{}}';
  const frames = `retry: 1000\n\nid: 9\nevent: dropped\ndata: {"count":6,"next":"9"}\n\n: live\n\nid: 10\ndata: ${line}\n\n`;
  const { origin, close } = await serve((_, response) => response.writeHead(200).end(frames));
  const source = new CollectorSource(origin, "token");
  /** @type {string[]} */
  const lines = [];
  /** @type {string | null} */
  let next = null;
  const following = async () => {
    for await (const page of source.follow({ session: "s", q: "" }, "3", new AbortController().signal)) {
      lines.push(...page.lines);
      next = page.next;
    }
  };
  await assert.rejects(following(), /closed its stream/);
  const gap = { first_seq: 4, last_seq: 9, category: "system", reason: "not_retained" };
  assert.deepEqual(
    lines.map((text) => JSON.parse(text)),
    [{ capture_session_id: "s", gap }, JSON.parse(line)],
  );
  assert.equal(next, "10");
  await close();
});

test("a line that is read again replaces the earlier one, which may be deleted by now", () => {
  const lines = new Lines();
  const event = `{"capture_session_id":"s","seq":7,"event":{"type":"console.log","category":"console"}}`;
  const gap = `{"capture_session_id":"s","gap":{"first_seq":7,"last_seq":7,"category":"console","reason":"deleted"}}`;
  lines.put(1, 7, event);
  assert.ok("event" in (lines.record(1, 7) ?? {}));
  lines.put(1, 7, gap);
  assert.equal(lines.line(1, 7), gap);
  assert.ok("gap" in (lines.record(1, 7) ?? {}));
});

test("what a page reports of its request belongs to the request's row and details, and is no row by itself", () => {
  let seq = 0;
  /** @param {string} type @param {string | null} id @param {object} data @returns {import("../../src/web/types.ts").Envelope} */
  const record = (type, id, data) => ({
    capture_session_id: "s",
    seq: ++seq,
    event: {
      ts: seq,
      type: `network.${type}`,
      category: "network",
      detail_level: "standard",
      source: { kind: "extension", event: "x", metadata: id === null ? {} : { request_id: id } },
      url: "https://a.test/order",
      data,
    },
  });
  const request = record("request", "7", { method: "POST" });
  const call = record("call", "7", { api: "fetch", call: 1, stack: "    at order (a.js:3:1)\n    at b" });
  const body = record("response_body", "7", {
    api: "fetch",
    response_status: 500,
    body: "out",
    body_stopped: "time",
  });
  const response = record("response", "7", { method: "POST", status: 500, duration_ms: 5 });
  const unlinked = record("call", null, { api: "xhr", call: 2, url: "https://b.test/" });
  const table = new RequestTable();
  for (const envelope of [request, call, body, response, unlinked]) table.add(envelope);
  assert.deepEqual(
    table.rows.map(({ seqs, status, name }) => [seqs, status, name]),
    [[[1, 2, 3, 4], 500, "order"]],
  );
  for (const selected of [response, call, body]) {
    const shown = exchangeOf([request, call, body, response], selected);
    assert.equal(shown.responseBody, "out");
    assert.deepEqual(new Map(shown.facts).get("Called"), "at order (a.js:3:1)");
    assert.equal(new Map(shown.facts).get("Body not whole"), "it was not over after 2 seconds");
  }
});

test("a failed response leads by its request and the page's call to the click, past a later click", () => {
  const record = (/** @type {number} */ seq, /** @type {string} */ type, /** @type {object} */ metadata) =>
    /** @type {any} */ ({ capture_session_id: "s", seq, event: { type, source: { metadata }, data: {} } });
  const before = [
    record(1, "input.click", { interaction_id: "i1" }),
    record(2, "network.call", { request_id: "9", cause_id: "i1" }),
    record(3, "network.request", { request_id: "9" }),
    record(4, "input.click", { interaction_id: "i2" }),
    record(5, "network.request", { request_id: "10" }),
    { capture_session_id: "s", gap: { first_seq: 6, last_seq: 6, category: "network", reason: "quota" } },
    record(7, "network.response", { request_id: "9", cause_id: "9" }),
  ];
  assert.deepEqual([...causesOf(before[6].event, before)].sort(), [1, 2, 3]);
  assert.deepEqual([...causesOf(before[3].event, before)], []);
});

test("an event has the summary that the command line prints", () => {
  const fixture = readFileSync(new URL("../fixtures/summaries.ndjson", import.meta.url), "utf8");
  for (const line of fixture.trimEnd().split("\n")) {
    const { event, summary } = JSON.parse(line);
    const { lead = "", status, text, aside = "" } = summaryOf(event);
    const shown = JSON.parse(JSON.stringify({ lead, status, text, aside }));
    assert.deepEqual(shown, { lead: "", aside: "", ...summary }, line);
  }
});

test("rows without their lines are read once, and again when their lines have left memory or a read failed", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const held = new Set();
  /** @type {{ at: string, limit: number }[]} */
  const reads = [];
  let isAway = false;
  /** @type {string[]} */
  const errors = [];
  const source = {
    cursorBefore: (/** @type {unknown} */ _, /** @type {number} */ at) => String(at),
    read: async (/** @type {unknown} */ _, /** @type {string} */ at, /** @type {number} */ limit) => {
      reads.push({ at, limit });
      if (isAway) throw new Error("away");
      return { lines: Array.from({ length: limit }, (_, n) => Number(at) + n) };
    },
  };
  const feed = {
    query: {},
    at: (/** @type {number} */ row) => ({ session: 0, seq: row, at: row }),
    hold: (/** @type {number[]} */ lines) => {
      for (const seq of lines) held.add(seq);
    },
  };
  const viewer = {
    source,
    view: {
      lines: { has: (/** @type {number} */ _, /** @type {number} */ seq) => held.has(seq) },
      linesVersion: { value: 0 },
    },
    notices: { sayError: (/** @type {Error} */ error) => errors.push(error.message) },
  };
  const rows = (/** @type {number} */ fold) => ({
    length: 100_000,
    feedRow: (/** @type {number} */ row) => row * fold,
  });
  const missing = new MissingLines(/** @type {any} */ (viewer));
  const show = async (/** @type {number} */ from, fold = 1) => {
    missing.show(/** @type {any} */ (feed), /** @type {any} */ (rows(fold)), from, from + 20);
    t.mock.timers.tick(40);
    await new Promise(setImmediate);
  };
  await show(0);
  await show(0);
  assert.deepEqual(reads.splice(0), [{ at: "0", limit: 28 }]);
  held.clear();
  await show(0);
  assert.equal(reads.splice(0).length, 1, "evicted under a view that does not move");
  await show(50_000);
  held.clear();
  reads.splice(0);
  isAway = true;
  await show(0);
  await show(0);
  assert.deepEqual([reads.splice(0).length, errors.splice(0)], [1, ["away"]], "no repetition by itself");
  isAway = false;
  await show(50_000);
  await show(0);
  assert.deepEqual(reads.splice(0).at(-1), { at: "0", limit: 28 }, "again after the failure");
  held.clear();
  await show(70_000, 1_000);
  assert.equal(reads.at(-1)?.limit, 10_000, "a fold of many records is not asked for at once");
});
