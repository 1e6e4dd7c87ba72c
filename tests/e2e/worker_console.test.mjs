/** Under deep capture, lines of a worker are recorded in the same words as the hook records those of a page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** Without what the protocol does not report: a call without arguments, and an object that `%s` prints. */
const LINES = `
  console.log("%cstyled%c and plain", "color: red", "");
  console.log(null);
  console.log(undefined, true, 1.5, -0, NaN, 10n, Symbol("s"), null);
  console.log("%s is %d, %i, %f and %o", "text", 42, "7", 1.5, "quoted");
  console.log("100%", 1, "%d");
  console.log("one string");
  console.info({ a: 1, b: "x", c: null, d: undefined, e: true });
  console.log([1, "two", null], []);
  console.log(new Map([[1, "a"]]), new Set(["b"]));
  console.warn(new TypeError("of a type"));
  console.log(function named() {}, /re/g, new Date(0), Promise.resolve());
  console.log(new (class Point { x = 1 })());
  console.count("times");
  console.count("times");
  console.assert(false, "not so");
  console.assert(false);
  setTimeout(() => { throw "boom"; });
  setTimeout(() => { throw null; });
  setTimeout(() => { throw { code: 7 }; });
  setTimeout(() => { throw new RangeError("out of range"); });
  Promise.reject("refused");
  Promise.reject({ code: 8 });
  Promise.reject(new Error("rejected"));
  setTimeout(() => console.debug("last line"), 50);
`;

const COUNT = 24;

const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  pages: {
    "/page": scripted(""),
    "/lines.js": (_, response) => response.writeHead(200, { "content-type": "text/javascript" }).end(LINES),
    // The protocol describes the contents of objects only in lines after the debugger was attached to the worker.
    "/worker.js": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/javascript" })
        .end(`console.debug("worker begins"); onmessage = () => { ${LINES} };`),
  },
});

/** @typedef {import("../../src/web/types.ts").Event & { data: any, source: any }} Line */
const isLast = (/** @type {Line} */ { data }) => data?.text === "last line";
const ofWorker = (/** @type {Line} */ { source, data }) =>
  source.kind === "cdp" && data?.text !== "worker begins";
const ofPage = (/** @type {Line} */ { source }) => source.kind !== "cdp";

test("each line, error and rejection has the same type, text and arguments", async () => {
  const page = await rig.open("/page");
  const { source } = await rig.event("page.settled", "/page");
  await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: true });
  await page.addScriptTag({ url: "/lines.js" });
  const worker = await page.evaluateHandle(() => new Worker("/worker.js"));
  await rig.event("console.debug", "worker begins");
  await worker.evaluate((started) => started.postMessage("go"));
  const stored = await rig.until("category:console", (events) => {
    const all = /** @type {Line[]} */ (events);
    return [ofWorker, ofPage].every((of) => all.filter(of).some(isLast) && all.filter(of).length >= COUNT);
  });
  const lines = /** @type {Line[]} */ (stored);
  const said = (/** @type {(line: Line) => boolean} */ of) =>
    lines
      .filter(of)
      .map(({ type, data }) => `${type} ${data.text}`)
      .sort();
  assert.deepEqual(said(ofWorker), said(ofPage));
  assert.equal(said(ofWorker).length, COUNT);

  const shown = (/** @type {(line: Line) => boolean} */ of) =>
    lines
      .filter(of)
      // A stack names its script's address, and the hook's error objects have more to say of errors.
      .filter(({ data }) => !/Error/.test(data.text))
      .map(({ data }) => JSON.stringify([data.text, data.args ?? null, data.error ?? null]))
      .sort();
  assert.deepEqual(shown(ofWorker), shown(ofPage));
  const [error] = lines.filter(ofWorker).filter(({ data }) => /out of range/.test(data.text));
  assert.deepEqual([error?.data.error.$, error?.data.error.message], ["RangeError", "out of range"]);
  assert.match(error?.data.stack, /worker\.js:\d+:/);
});

test("an error of a worker that its page receives, too, is recorded once", async () => {
  const { source } = await rig.event("page.settled", "/page");
  const page = rig.context.pages().find((one) => one.url().endsWith("/page"));
  await page?.evaluate(
    () =>
      new Promise((resolve) => {
        // The page's own error comes after the report of its worker's.
        addEventListener("error", resolve);
        const script = "/* made here */ onmessage = ({ data }) => { throw new Error(data); };";
        const worker = new Worker(URL.createObjectURL(new Blob([script])));
        worker.postMessage("thrown in a worker");
      }),
  );
  await page?.evaluate(() => console.log("after the report"));
  // The lines of a page keep their order.
  await rig.event("console.log", "after the report");
  await rig.flushed();
  const errors = (await rig.collector.events("type:console.exception")).filter(({ data }) =>
    JSON.stringify(data).includes("thrown in a worker"),
  );
  assert.deepEqual(
    errors.map((error) => error.source.kind),
    ["cdp"],
  );

  // Without the debugger, it is the page's to report.
  await rig.command({ command: "debug", tab_id: Number(source.metadata.tab_id), on: false });
  await page?.evaluate(() => {
    new Worker(URL.createObjectURL(new Blob(["throw new Error('without the debugger')"])));
  });
  const alone = await rig.event("console.exception", "without the debugger");
  assert.notEqual(alone.source.kind, "cdp");
});
