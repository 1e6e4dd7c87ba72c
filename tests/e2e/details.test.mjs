/** Retroactive detail: a page hands over whole objects and bodies when something calls for them, and only then. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { collectorFile } from "../../scripts/lib/collector.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { startRig } from "./fixtures/rig.mjs";

/** A token that redaction recognizes by its field's name. */
const SECRET = "sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0";
/** More than is kept of a body. */
const LONG = "long ".repeat(40_000);
const KEPT_BYTES = 64 << 10;
/** Characters of one document's details, as in `extension/relay/details.ts`. */
const MOST_CHARACTERS = 2 << 20;

/** Answers with `content`, which is not the end of it, and reports when the page has canceled the rest. */
class OpenAnswer {
  /** @param {string} type @param {string} content */
  constructor(type, content) {
    this.type = type;
    this.content = content;
    this.canceled = new Promise((resolve) => {
      this.onCanceled = () => resolve(undefined);
    });
  }

  /** @type {import("./fixtures/pages.mjs").Handler} */
  handle = (_, response) => {
    response.on("close", () => this.onCanceled?.());
    response.writeHead(200, { "content-type": this.type }).write(this.content);
  };
}
const openText = new OpenAnswer("text/plain", LONG);
const openLines = new OpenAnswer("application/x-ndjson", '{"line":1}\n');

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
before(async () => {
  rig = await startRig({
    pages: {
      // A missing icon would be a failed request.
      "/favicon.ico": (_, response) => response.writeHead(204).end(),
      "/page": scripted(""),
      "/early": scripted(`console.log("early", { a: { b: { c: { d: { e: "deep early" } } } } });
        throw new TypeError("early failure");`),
      "/cart": (_, response) =>
        response
          .writeHead(200, { "content-type": "application/json" })
          .end(`{"items":["the last of them"],"api_key":"${SECRET}"}`),
      "/second": (request, response) =>
        response.writeHead(200, { "content-type": "text/plain" }).end(request.url),
      "/bounds-long": (_, response) =>
        response.writeHead(200, { "content-type": "text/plain", "content-length": LONG.length }).end(LONG),
      "/bounds-lines": openLines.handle,
      "/bounds-text": openText.handle,
      "/order": (_, response) =>
        response.writeHead(500, { "content-type": "text/plain" }).end(`${"long ".repeat(8_000)}the end`),
    },
  });
});
after(() => rig.close());

const DETAILS = "detail:verbose";
/** @typedef {import("../../src/web/types.ts").Event & { data: any }} Recorded */

/** Logs an object that `standard` does not show to its end. @param {import("playwright-core").Page} page @param {string} name */
const logDeep = (page, name) =>
  page.evaluate(
    (text) =>
      console.log(text, {
        a: { b: { c: { d: { e: `deep ${text}`, api_key: "sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0" } } } },
      }),
    name,
  );

/** The details that name `part`, once there are some. @param {string} part @returns {Promise<Recorded[]>} */
const detailsWith = (part) =>
  /** @type {Promise<Recorded[]>} */ (rig.until(`${DETAILS} "${part}"`, (events) => events.length > 0));

/** The record that a detail is of. @param {Recorded} detail */
async function firstOf(detail) {
  const records = await rig.collector.records(`type:${detail.type}`);
  const seq = Number(detail.source.metadata?.detail_of);
  const found = records.find((record) => "event" in record && record.seq === seq);
  assert.ok(found !== undefined && "event" in found, `a detail of ${seq}`);
  return /** @type {Recorded} */ (found.event);
}

/**
 * The bodies that a page hands over. Its relay sends network events in their order, so the second failure comes after
 * all that the first has called for.
 * @param {import("playwright-core").Page} page @param {string} part
 */
async function bodiesOf(page, part) {
  for (const turn of ["first", "second"]) {
    const path = `/missing?${turn}&${encodeURIComponent(part)}`;
    await page.evaluate((url) => fetch(url).then((response) => response.text()), path);
    await rig.event("network.response_body", path);
  }
  const events = await rig.collector.events(`${DETAILS} type:network.response_body url:*${part}*`);
  return /** @type {Recorded[]} */ (events).filter(({ url }) => !url?.includes("/missing?"));
}

test("an error is followed by the whole object, the request's body and the response's, redacted", async () => {
  const page = await rig.open("/page");
  await logDeep(page, "before the error");
  await page.evaluate(async () => {
    const body = JSON.stringify({ items: 3, api_key: "sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0" });
    const response = await fetch("/cart?n=1", { method: "POST", body });
    await response.json();
  });
  await rig.event("network.response", "/cart?n=1");
  await rig.event("console.log", "before the error");
  assert.deepEqual(await rig.collector.events(DETAILS), [], "nothing leaves the page before");
  await page.evaluate(
    () =>
      void setTimeout(() => {
        throw new TypeError("it broke");
      }),
  );

  const [log] = await detailsWith("deep before the error");
  const standard = await firstOf(/** @type {Recorded} */ (log));
  assert.equal(standard.detail_level, "standard");
  assert.equal(standard.ts, log?.ts);
  assert.equal(standard.data.args[1].a.b.c.$, "deep");
  assert.equal(log?.data.args[1].a.b.c.d.e, "deep before the error");
  const [call] = await detailsWith("network.call");
  const request = await rig.event("network.request", "/cart?n=1");
  assert.match(call?.data.body, /^\{"items":3,"api_key":"\[redacted:/);
  assert.equal((await firstOf(/** @type {Recorded} */ (call))).data.body, undefined);
  assert.equal(call?.source.metadata?.request_id, request.source.metadata.request_id);
  const body = await rig.event("network.response_body", "the last of them");
  assert.equal(body.detail_level, "verbose");
  assert.match(body.data.body, /"api_key":"\[redacted:/);
  assert.equal(body.source.metadata.request_id, request.source.metadata.request_id);
  const stored = JSON.stringify(await rig.collector.records());
  assert.ok(stored.includes("[redacted:") && !stored.includes(SECRET), "no secret in what was handed over");
  await page.close();
});

test("an error of the first script has the detail before it, also when its page is left at once", async () => {
  const page = await rig.open("/early");
  const [log] = await detailsWith("deep early");
  assert.equal((await firstOf(/** @type {Recorded} */ (log))).data.args[1].a.b.c.$, "deep");
  await page.close();
});

// The next tests are short, each with documents of its own: a detail is kept for 30 seconds, and a document whose first
// detail took long, as on a busy machine, makes no other one in that second.

test("a failed request and a mark call for the details of their tab", async () => {
  const page = await rig.open("/page");
  const other = await rig.open("/page");
  await logDeep(page, "before a missing image");
  await logDeep(other, "of another tab");
  await page.evaluate(() => {
    new Image().src = "/missing.png";
  });
  await detailsWith("deep before a missing image");
  assert.deepEqual(await rig.collector.events(`${DETAILS} "of another tab"`), []);
  await other.bringToFront();
  await rig.command({ command: "mark", note: "here" });
  await detailsWith("deep of another tab");
  await other.close();
  await page.close();
});

test("a failed request has the whole of its body in its detail", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => fetch("/order", { method: "POST" }).then((response) => response.text()));
  const [body] = await detailsWith("long long");
  assert.ok(body?.data.body.endsWith("the end"));
  const cut = await firstOf(/** @type {Recorded} */ (body));
  assert.equal(cut.data.body.length, 16 << 10);
  await page.close();
});

test("an event that a person has chosen calls for details", async () => {
  await rig.command({ command: "retroactive_detail", on: true, selector: "type:console.info checkout" });
  const page = await rig.open("/page");
  await logDeep(page, "before what was chosen");
  await page.evaluate(() => console.info("checkout"));
  await detailsWith("deep before what was chosen");
  await assert.rejects(
    rig.command({ command: "retroactive_detail", on: true, selector: "severity:loud" }),
    /severity/,
  );
  await rig.command({ command: "retroactive_detail", on: true, selector: "" });
  await page.close();
});

test("text and MCP show an event and its detail as one, and so do counts", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => {
    console.error("shown once", { a: { b: { c: { d: { e: "deep in one" } } } } });
  });
  await detailsWith("deep in one");
  const errors = await rig.collector.events('severity:error "shown once"');
  assert.equal(errors.length, 1, "an error and its detail are one error");
  const run = promisify(execFile);
  const folder = ["--data-dir", join(rig.folder, "data")];
  const printed = await run(collectorFile, ["query", ...folder, '"shown once"']);
  assert.equal(printed.stdout.match(/shown once/g)?.length, 1, printed.stdout);

  const tool = async (/** @type {string} */ name, /** @type {object} */ given) =>
    (await rig.collector.mcp("tools/call", { name, arguments: given })).content[0].text;
  const found = await tool("search", { q: '"shown once"' });
  assert.equal(found.match(/shown once/g)?.length, 1, found);
  const [handle] = found.match(/^s\d+:\d+(?= .*shown once)/m);
  const shown = await tool("event", { event: handle });
  assert.ok(shown.startsWith(`${handle} console.error`), shown);
  assert.match(shown, /deep in one/, "the event has what its detail holds");
  assert.equal(shown.match(/^text /gm)?.length, 1, shown);
  await page.close();
});

test("the details of a document stay within their budget, the oldest go first", async () => {
  const page = await rig.open("/page");
  await page.evaluate(async () => {
    for (let n = 0; n < 60; n++) {
      const body = `body ${n} ${"x".repeat(60_000)}`;
      await fetch("/cart?budget", { method: "POST", body }).then((response) => response.text());
    }
  });
  await page.evaluate(() => console.error("enough"));
  const bodies = await rig.until(`${DETAILS} type:network.call url:*/cart?budget`, (events) =>
    events.some(({ data }) => JSON.stringify(data).includes("body 59 ")),
  );
  const characters = bodies.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
  assert.ok(characters <= MOST_CHARACTERS, `${characters} characters`);
  assert.ok(bodies.length >= 30, `${bodies.length} of the newest bodies`);
  await page.close();
});

test("a long answer and a stream reach the page unchanged, and no copy of them is held", async () => {
  const page = await rig.open("/page");
  const read = await page.evaluate(
    async ([lines, text]) => {
      const whole = await (await fetch("/bounds-long")).text();
      /** Reads so many characters, and cancels the rest. @param {string} path @param {number} length */
      const beginning = async (path, length) => {
        const response = await fetch(path);
        if (!response.ok || response.body === null) return "";
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let seen = "";
        while (seen.length < length) seen += (await reader.read()).value ?? "";
        await reader.cancel();
        return seen;
      };
      return [whole, await beginning("/bounds-lines", lines), await beginning("/bounds-text", text)];
    },
    /** @type {[number, number]} */ ([openLines.content.length, openText.content.length]),
  );
  assert.ok(read[0] === LONG && read[1] === openLines.content && read[2] === openText.content);
  // Canceling a response ends its request once no copy of it is read any more.
  const late = sleep(30_000, "late", { ref: false });
  const canceled = Promise.all([openLines.canceled, openText.canceled]);
  assert.notEqual(await Promise.race([canceled, late]), "late", "a copy of a response is still being read");
  const kept = (await bodiesOf(page, "/bounds-")).map(({ url, data }) => [
    url,
    data.body_stopped,
    data.body.length <= KEPT_BYTES,
  ]);
  assert.deepEqual(kept, [[`${rig.site.origin}/bounds-text`, "size", true]]);
  await page.close();
});

test("answers are read for their details for 20 ms of a second, and reach the page after it all the same", async () => {
  const page = await rig.context.newPage();
  // The hook saves this clock. Each look at it takes as long as the page says.
  await page.addInitScript(() => {
    const now = performance.now.bind(performance);
    const clock = { offset: 0, step: 0 };
    performance.now = () => {
      clock.offset += clock.step;
      return now() + clock.offset;
    };
    Object.assign(window, { clock });
  });
  await page.goto(`${rig.site.origin}/page`);
  const paths = Array.from({ length: 6 }, (_, n) => `/second?n=${n}`);
  const read = await page.evaluate(async (all) => {
    const responses = await Promise.all(all.map((path) => fetch(path)));
    const { clock } = /** @type {any} */ (window);
    const seen = responses.map((response, n) => {
      clock.step = 21;
      if (n === 5) clock.offset += 1_000;
      return response.ok;
    });
    clock.step = 0;
    return [seen, await Promise.all(responses.map((response) => response.text()))];
  }, paths);
  assert.deepEqual(read, [paths.map(() => true), paths]);
  const kept = (await bodiesOf(page, "/second?")).map(({ data }) => data.body);
  assert.deepEqual(kept, [paths[0], paths[5]]);
  await page.close();
});

test("the switch turns it off, in pages that are open and in new ones", async () => {
  const page = await rig.open("/page");
  await logDeep(page, "kept before it was off");
  await rig.event("console.log", "kept before it was off");
  await rig.command({ command: "retroactive_detail", on: false, selector: "" });
  for (const tab of [page, await rig.open("/page")]) {
    await logDeep(tab, "while it is off");
    await tab.evaluate(() => console.error("off, and wrong"));
  }
  await rig.until('type:console.error "off, and wrong"', (events) => events.length === 2);
  // Recorded later than any detail that these errors would have called for.
  await logDeep(page, "the last word");
  await rig.event("console.log", "the last word");
  assert.deepEqual(await rig.collector.events(`${DETAILS} "off"`), []);
  const changed = await rig.until("type:system.settings_changed", (events) => events.length > 0);
  assert.deepEqual(changed.at(-1)?.data, {
    patch: { retroactive_detail: false, retroactive_selector: "" },
  });
});
