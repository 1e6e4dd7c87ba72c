/** Pages behave the same with the hook when no driver listens to their console. Prerendered pages have the right frame. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startCollector } from "./fixtures/collector.mjs";
import { startUnattended } from "./fixtures/unattended.mjs";

const WITHIN_MS = 60_000;

/**
 * Visits a page that is recorded from its first script on; returns the page's observations and the recorded events.
 * The first visit that is recorded may have been open before: there the hook has not seen every Proxy being made. The
 * next ones have the hook before their first script.
 * @param {string} script @param {string} type The last event it publishes. @param {number} least How many of them.
 */
async function recordedVisit(script, type, least = 1) {
  const data = mkdtempSync(join(tmpdir(), "tabtape-unattended-data-"));
  const collector = await startCollector(data);
  const browser = await startUnattended(script, { collector: collector.target, recording: true });
  try {
    for (const deadline = Date.now() + WITHIN_MS; Date.now() < deadline; await sleep(100)) {
      const events = await collector.events("category:console");
      const isRecorded = (/** @type {number} */ visit) =>
        events.some(({ url }) => url === `${browser.origin}/?${visit}`);
      for (const [visit, seen] of browser.visits) {
        if (!isRecorded(visit - 1)) continue;
        const own = events.filter(({ url }) => url === `${browser.origin}/?${visit}`);
        if (own.filter((event) => event.type === type).length >= least)
          return { seen, events: /** @type {(typeof own[0] & { data: any })[]} */ (own) };
      }
    }
    throw new Error(`no visit was recorded within ${WITHIN_MS} ms; ${browser.visits.size} were made`);
  } finally {
    await browser.close();
    await collector.stop();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Returns the page's observations in a browser without the extension. @param {string} script */
async function bareVisit(script) {
  const browser = await startUnattended(script, null);
  try {
    for (const deadline = Date.now() + WITHIN_MS; Date.now() < deadline; await sleep(50)) {
      if (browser.visits.has(0)) return browser.visits.get(0);
    }
    throw new Error(`nothing was seen within ${WITHIN_MS} ms`);
  } finally {
    await browser.close();
  }
}

const ERRORS = `
    seen = { formatted: 0, named: 0, messaged: 0, trapped: 0 };
    class Named extends Error { get name() { seen.named++; return "Named"; } }
    class Messaged extends Error { get message() { seen.messaged++; return "by a getter"; } }
    const late = new Error("before the formatter");
    console.error("named", new Named("by a getter")); console.log(new Named("again"));
    const odd = new Error("odd"); odd.name = { toString() { seen.named++; return "N"; } }; console.log(odd);
    console.error("messaged", new Messaged()); const told = new Error(); told.message = { toString() { seen.messaged++; return "M"; } }; console.log(told);
    const { name } = Object.getOwnPropertyDescriptors(DOMException.prototype);
    const aborted = AbortSignal.abort().reason;
    Object.defineProperty(DOMException.prototype, "name", { ...name, get() { seen.named++; return "D"; } }); console.log("exception", aborted);
    Object.defineProperty(DOMException.prototype, "name", name);
    Promise.reject(new Messaged()); setTimeout(() => { throw new Messaged(); });
    console.log(Object.setPrototypeOf(new Error("chained"), new Proxy(Error.prototype, { get(target, key) { seen.trapped++; return target[key]; } })));
    const count = () => { seen.formatted++; return "formatted"; };
    Object.prototype.prepareStackTrace = count; console.error("inherited", new Error("one")); delete Object.prototype.prepareStackTrace;
    Error.prepareStackTrace = count;
    console.error("stack?", new Error("two"), late); console.trace("three"); console.log(new Error("four"));
    Promise.reject(new Error("five")); setTimeout(() => { throw new Error("six"); });`;

test("the page's stack formatter and an error's name and message run as often as without recording", async () => {
  const { seen, events } = await recordedVisit(ERRORS, "console.exception");
  // The browser itself asks for both.
  assert.deepEqual(seen, await bareVisit(ERRORS));
  const named = events.find(({ data }) => data.text.startsWith("named"));
  assert.equal(named?.data.args[1].message, "by a getter");
  assert.equal(named?.data.args[1].stack, undefined);
  const messaged = events.find(({ data }) => data.text.startsWith("messaged"));
  assert.equal(messaged?.data.args[1].$, "Error");
  assert.equal(messaged?.data.args[1].stack, undefined);
  const exception = events.find(({ data }) => data.text.startsWith("exception"));
  assert.deepEqual([exception?.data.args[1].$, exception?.data.args[1].stack], ["AbortError", undefined]);
  assert.match(named?.data.stack, /^\s+at /, "the place of the call is recorded all the same");
});

test("a bare string of 50 MB costs the page a prefix, and the next call is as fast as ever", async () => {
  const { seen, events } = await recordedVisit(
    `const huge = "h".repeat(50 << 20); console.log(huge); console.log("%s", huge); console.count(huge); console.log("behind the huge ones"); seen = performance.now();`,
    "console.log",
    3,
  );
  assert.ok(seen < 20_000, `${seen} ms`);
  const sizes = events.map((event) => JSON.stringify(event).length);
  assert.ok(Math.max(...sizes) < 20_000, `${sizes}`);
  const [bare] = events;
  assert.equal(bare?.truncated, true);
  assert.deepEqual(bare?.data.args, [{ $: "string", value: "h".repeat(2_000), length: 50 << 20 }]);
});

/** Each page has the next one prerendered, and goes there. A browser that a driver is attached to prerenders nothing. */
const PRERENDERED = `
    seen = 0;
    const prerender = () => {
      const rules = document.createElement("script"); rules.type = "speculationrules";
      rules.textContent = JSON.stringify({ prerender: [{ urls: ["/?" + (Number(location.search.slice(1)) + 1)], eagerness: "immediate" }] });
      document.head.append(rules);
    };
    addEventListener("pagehide", () => console.log("said when left"));
    if (document.prerendering) {
      console.log("said while prerendering");
      const later = setTimeout;
      window.setTimeout = (task, delay) => document.addEventListener("prerenderingchange", () => later(task, delay));
      document.addEventListener("prerenderingchange", () => { window.setTimeout = later; console.log("said when shown"); prerender(); });
    } else prerender();`;

test("a prerendered document is recorded with its own frame, and with the tab's once it is shown", async () => {
  const data = mkdtempSync(join(tmpdir(), "tabtape-unattended-data-"));
  const collector = await startCollector(data);
  const browser = await startUnattended(PRERENDERED, { collector: collector.target, recording: true });
  try {
    /** By text, what one document has said. @type {Record<string, { frame: string, tab: string }>} */
    let said = {};
    const texts = ["said while prerendering", "said when shown", "said when left"];
    for (const deadline = Date.now() + WITHIN_MS; !("said when left" in said); await sleep(100)) {
      assert.ok(Date.now() < deadline, "a page is prerendered, shown and left");
      /** @type {Record<string, typeof said>} */
      const documents = {};
      for (const { data, source } of await collector.events("type:console.log")) {
        const { document_id: id, frame_id: frame, tab_id: tab } = /** @type {any} */ (source.metadata);
        documents[id] = { ...documents[id], [/** @type {any} */ (data).text]: { frame, tab } };
      }
      said = Object.values(documents).find((all) => texts.every((text) => text in all)) ?? said;
    }
    const { "said while prerendering": before, "said when shown": shown, "said when left": left } = said;
    assert.notEqual(before?.frame, "0");
    assert.deepEqual([shown?.frame, left?.frame], ["0", "0"]);
    assert.deepEqual([shown?.tab, left?.tab], [before?.tab, before?.tab]);
  } finally {
    await browser.close();
    await collector.stop();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
});
