/** `max_event_bytes` bounds what a page makes us keep of one event, in bytes of UTF-8, whichever producer it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedRig } from "./fixtures/rig.mjs";

const MAX = /** @type {const} */ ({ console: 1_000, interaction: 2_000, page: 4_000 });
const LONG_POLICY = `default-src 'self' ${Array.from({ length: 200 }, (_, at) => `https://host-${at}.example`).join(" ")}; script-src 'nonce-n'`;

const categories = Object.fromEntries(
  Object.entries(MAX).map(([name, max_event_bytes]) => [name, { detail_level: "verbose", max_event_bytes }]),
);
const rig = await sharedRig({
  capture: { categories },
  pages: {
    "/long": (_, response) =>
      response
        .writeHead(200, { "content-type": "text/html", "content-security-policy": LONG_POLICY })
        .end(`<!doctype html><meta charset="utf-8"><button aria-label="${"漢".repeat(80)}">long</button>
          <a href="#${"a".repeat(3_000)}">far</a><script nonce="n">console.log("long begins")</script>`),
  },
});
const page = await rig.open("/long");
// The relay has the budget once a worker has answered it.
await rig.event("console.log", "long begins");
await rig.poll("the budget to be known", async () => {
  await page.evaluate(() => console.log("known?", "x".repeat(3_000)));
  return (await rig.collector.events("type:console.log")).some(({ truncated }) => truncated);
});

/** @param {import("../../src/web/types.ts").Event} event */
const bytes = (event) => Buffer.byteLength(JSON.stringify(event.data));

/** No more than may be, and more than any other category may have. @param {import("../../src/web/types.ts").Event} event @param {number} max */
function within(event, max) {
  const others = Object.values(MAX).filter((other) => other < max);
  assert.ok(bytes(event) <= max && bytes(event) > Math.max(0, ...others), `${bytes(event)} of ${max}`);
}

test("texts, stacks and previews of the console share the budget, in bytes", async () => {
  await page.evaluate(() => {
    /** @type {(depth: number) => void} */
    const deep = (depth) =>
      depth === 0 ? console.error("budget stack", "漢".repeat(2_000)) : deep(depth - 1);
    Error.stackTraceLimit = 200;
    deep(150);
    console.log("budget text", "漢".repeat(400));
    console.log("budget objects", {
      list: Array.from({ length: 200 }, () => ({ value: "漢漢漢", none: undefined })),
    });
    console.log("budget escapes", "\u0001".repeat(900));
    console.count(`budget label ${"x".repeat(5_000)}`);
    console.log("budget halves", `${"x".repeat(230)}${"\u{1F600}".repeat(200)}`);
    setTimeout(() => {
      throw new Error(`budget thrown ${"漢".repeat(3_000)}`);
    });
    Promise.reject(new Error(`budget rejected ${"漢".repeat(3_000)}`));
  });
  await rig.event("console.exception", "budget thrown");
  const events = await rig.until("category:console", (found) =>
    found.some(({ type }) => type === "console.rejection"),
  );
  const long = events.filter(({ data }) => /** @type {any} */ (data).text.includes("budget"));
  assert.deepEqual(long.map(({ data }) => /budget (\w+)/.exec(/** @type {any} */ (data).text)?.[1]).sort(), [
    "escapes",
    "halves",
    "label",
    "objects",
    "rejected",
    "stack",
    "text",
    "thrown",
  ]);
  for (const event of long) {
    const { text } = /** @type {any} */ (event.data);
    assert.ok(bytes(event) <= MAX.console, `${bytes(event)} bytes: ${text.slice(0, 40)}`);
    assert.equal(event.truncated, true, text.slice(0, 40));
    assert.doesNotMatch(text, /�/, "no half character");
  }
  const { stack } = /** @type {any} */ (long[0]?.data ?? {});
  assert.match(stack, /^\s+at deep /, "the stack's beginning is kept");
});

test("what the relay observes is within the budget, its longest strings cut", async () => {
  await page.evaluate(() => {
    document.body.append(Object.assign(new Image(), { src: "http://localhost:1/other.png" }));
  });
  const violation = await rig.event("page.csp_violation", "other.png");
  within(violation, MAX.page);
  assert.equal(violation.truncated, true);
  assert.equal(violation.data.directive, "img-src");
  assert.match(violation.data.policy, /^default-src 'self'/);
  await page.click("a");
  const click = await rig.event("input.click", "far");
  within(click, MAX.interaction);
  assert.equal(click.truncated, true);
  assert.equal(click.data.label, "far");
  await page.click("button");
  const short = await rig.event("input.click", "漢");
  assert.equal(short.truncated, undefined);
  assert.equal(short.data.label, "漢".repeat(80));
});

test("the text of what JSON escapes counts with its escapes", async () => {
  // The argument takes 49,154 bytes, and so does the text, which the core writes from it.
  const max_event_bytes = 80_000;
  await rig.command({ command: "configure", patch: { categories: { console: { max_event_bytes } } } });
  const another = await rig.open("/long?escapes");
  await rig.until("type:console.log url:*escapes", (found) => found.length > 0);
  await another.evaluate(() => console.log("escaped", "\u0001".repeat(8_192)));
  const event = await rig.event("console.log", "escaped");
  assert.ok(bytes(event) <= max_event_bytes, `${bytes(event)}`);
  assert.equal(event.truncated, true);
});
