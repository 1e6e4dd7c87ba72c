/** Lines that a page logs just before it hangs, closes itself, is closed, or writes itself anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** A page that hangs is left to its process; the test waits for the store only. */
const HANG = "for (;;);";
/** A last message that has not arrived by then is lost. */
const TAKEN_BACK_MS = 10_000;
const MOST_ATTEMPTS = 5;

const rig = await sharedRig({
  backForwardCache: true,
  pages: {
    // Not for the back/forward cache, which Chromium may decline after it has told the page that it goes there.
    "/quiet": scripted(`console.log("quiet " + location.search); addEventListener("unload", () => {})`),
    "/freezes": scripted(
      `console.log("freezes " + location.search);
       document.addEventListener("freeze", () => console.log("is frozen " + location.search))`,
    ),
    "/floods": scripted(
      `window.say = (n) => { for (let i = 0; i < n; i++) console.log("flooding " + i); }; console.log("floods")`,
    ),
    "/hangs-after-error": scripted(`addEventListener("load", () => setTimeout(() => {
      // Two lines before it, so that the last one is not the first for some time.
      console.log("before the hang 1"); console.log("before the hang 2"); console.error("then it hangs"); ${HANG} }, 300))`),
    "/hangs-after-log": scripted(
      `addEventListener("load", () => setTimeout(() => { console.log("a log, then it hangs"); ${HANG} }, 300))`,
    ),
    "/hangs-in-handler": scripted(
      `addEventListener("error", () => { ${HANG} }); setTimeout(() => { throw new Error("thrown, then it hangs"); }, 300)`,
    ),
    "/opener": scripted(""),
    "/silent": "<!doctype html><title>silent</title>",
    "/frames":
      '<!doctype html><title>frames</title><script>addEventListener("unload", () => {})</script><iframe src="/silent"></iframe><iframe src="/silent?2"></iframe>',
    "/says-goodbye": scripted(`console.log("hello " + location.search);
      addEventListener("pagehide", () => console.log("goodbye " + location.search))`),
    // Its messages to itself arrive after `pagehide`, one of them mostly before Chromium freezes the page.
    "/goes-on": scripted(`const { port1, port2 } = new MessageChannel(); let isLeft = false;
      port1.onmessage = () => { if (isLeft) { console.error("goes on " + location.search); ${HANG} } port2.postMessage(0); };
      port2.postMessage(0);
      console.log("goes on soon " + location.search);
      addEventListener("pagehide", () => { isLeft = true; });
      document.addEventListener("freeze", () => console.log("frozen " + location.search));`),
    "/closes-itself": scripted(`addEventListener("load", () => setTimeout(() => {
      for (let n = 0; n < 20; n++) console.log("closing itself " + n); window.close(); }, 50))`),
    "/is-closed":
      scripted(`addEventListener("load", () => setTimeout(() => opener.postMessage("loaded", "*"), 50));
      window.say = () => { for (let n = 0; n < 20; n++) console.log("being closed " + n); }`),
    "/writes-frame": scripted(`addEventListener("load", () => {
      const frame = document.createElement("iframe"); document.body.append(frame);
      const target = frame.contentDocument;
      target.open(); target.write("<script>throw new Error('written at once')<\\/script>");
      target.write("<script>throw new Error('written then')<\\/script>"); target.close();
      const other = document.createElement("iframe"); document.body.append(other);
      setTimeout(() => { other.contentDocument.writeln("<script>throw new Error('written without open')<\\/script>"); other.contentDocument.close(); }, 100);
    })`),
    "/writes-itself": scripted(`addEventListener("load", () => setTimeout(() => {
      document.write("<p>new</p><script>throw new Error('written over itself')<\\/script>"); document.close();
      console.log("html " + document.documentElement.outerHTML); }, 50))`),
    "/moves": scripted(`addEventListener("load", () => setTimeout(() => {
      console.log("said on the first"); history.pushState(0, "", "/moved?to=next"); console.log("said on the next");
      Promise.resolve().then(() => history.replaceState(0, "", "/moves#back")); }, 50))`),
    "/no-formatter": scripted(`
      Error.prepareStackTrace = undefined;
      console.error("warned without formatter"); console.log("logged", new TypeError("held without formatter"));
      setTimeout(() => { throw new RangeError("thrown without formatter"); });`),
  },
});

test("an error is recorded although the page never ends the task that said it", async () => {
  const page = await rig.context.newPage();
  await page.goto(`${rig.site.origin}/hangs-after-error`, { waitUntil: "commit" });
  await rig.event("console.error", "then it hangs");
  await rig.event("console.log", "before the hang 2");
});

test("so is a line that nothing preceded", async () => {
  const page = await rig.context.newPage();
  await page.goto(`${rig.site.origin}/hangs-after-log`, { waitUntil: "commit" });
  await rig.event("console.log", "a log, then it hangs");
});

test("so is an uncaught error whose handler hangs", async () => {
  const page = await rig.context.newPage();
  await page.goto(`${rig.site.origin}/hangs-in-handler`, { waitUntil: "commit" });
  await rig.event("console.exception", "thrown, then it hangs");
});

/** @param {import("../../src/web/types.ts").Event[]} events @param {string} prefix */
const numbersOf = (events, prefix) =>
  events
    .map(({ data }) => String(/** @type {any} */ (data).text))
    .filter((text) => text.startsWith(prefix))
    .map((text) => Number(text.slice(prefix.length)))
    .sort((a, b) => a - b);

const TWENTY = Array.from({ length: 20 }, (_, number) => number);

test("what a window says before it closes itself is recorded", async () => {
  const page = await rig.open("/opener");
  await page.evaluate(() => void window.open("/closes-itself"));
  const events = await rig.until(
    "type:console.log",
    (found) => numbersOf(found, "closing itself ").length >= 20,
  );
  assert.deepEqual(numbersOf(events, "closing itself "), TWENTY);
  await page.close();
});

test("what a window says before another of its origin closes it is recorded", async () => {
  const page = await rig.open("/opener");
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        const popup = /** @type {any} */ (window.open("/is-closed"));
        addEventListener("message", () => {
          popup.say();
          popup.close();
          resolve(undefined);
        });
      }),
  );
  const events = await rig.until(
    "type:console.log",
    (found) => numbersOf(found, "being closed ").length >= 20,
  );
  assert.deepEqual(numbersOf(events, "being closed "), TWENTY);
  await page.close();
});

test("errors of scripts that a page writes into a document are recorded", async () => {
  const page = await rig.open("/writes-frame");
  for (const message of ["written at once", "written then", "written without open"])
    await rig.event("console.exception", message);
  await page.close();
  const itself = await rig.open("/writes-itself");
  await rig.event("console.exception", "written over itself");
  const { data } = await rig.event("console.log", "html ");
  assert.equal(
    data.text,
    "html <html><head></head><body><p>new</p><script>throw new Error('written over itself')</script></body></html>",
  );
  await itself.close();
});

test("a line has the address that the document had when it was said", async () => {
  const page = await rig.open("/moves");
  assert.equal((await rig.event("console.log", "said on the first")).url, `${rig.site.origin}/moves`);
  assert.equal((await rig.event("console.log", "said on the next")).url, `${rig.site.origin}/moved?to=next`);
  await page.close();
});

test("an Error.prepareStackTrace that is no function takes no stack away", async () => {
  const page = await rig.open("/no-formatter");
  assert.match((await rig.event("console.error", "warned without formatter")).data.stack, /no-formatter:\d+/);
  assert.match((await rig.event("console.log", "held without")).data.args[1].stack, /no-formatter:\d+/);
  assert.match((await rig.event("console.exception", "thrown without")).data.error.stack, /no-formatter:\d+/);
  await page.close();
});

/** @returns {Promise<any[]>} What coverage says is lost. */
async function lostDocuments() {
  const response = await rig.collector.fetch("/v1/coverage");
  const { sessions } = /** @type {any} */ (await response.json());
  return sessions.flatMap((/** @type {any} */ session) => session.lost);
}

test("a tab that crashes in a flood has posted it, is recorded, and ends its document's coverage", async () => {
  const page = await rig.open("/floods");
  const { source } = await rig.event("console.log", "floods");
  const cdp = await rig.context.newCDPSession(page);
  await page.evaluate(() => /** @type {any} */ (window).say(20_000));
  cdp.send("Page.crash").catch(() => {});
  const crashed = await rig.event("tab.crashed");
  assert.equal(crashed.source.metadata.document_id, source.metadata.document_id);
  assert.equal(crashed.data.outermost, true);
  const lost = await rig.event("system.relay_lost", "crashed");
  assert.equal(lost.data.document_id, source.metadata.document_id);
  const errors = await rig.collector.events("severity:error type:tab.*");
  assert.equal(errors.length, 1);
  const said = await rig.until("type:console.log", (found) => numbersOf(found, "flooding ").length >= 15_000);
  const last = Math.max(...said.filter(({ url }) => url?.endsWith("/floods")).map(({ ts }) => ts));
  // Its last event, or later if it has answered a ping since.
  assert.ok(lost.data.from_ts > last - 1_000_000, `${lost.data.from_ts} ${last}`);
  assert.ok(lost.data.from_ts <= lost.data.to_ts, JSON.stringify(lost.data));
  const [document] = (await lostDocuments()).filter(({ reason }) => reason === "crashed");
  assert.equal(document.document_id, source.metadata.document_id);
  assert.equal(document.from_ts, lost.data.from_ts);
  await page.close();
});

test("words as a tab is closed are recorded, or end the coverage of their document", async () => {
  /** @param {string} name @param {import("playwright-core").Page} page */
  const greeted = async (name, page) => ({ page, event: await rig.event("console.log", `hello ?${name}`) });
  const greeter = await greeted("greeter", await rig.open("/says-goodbye?greeter"));
  const asleep = await greeted("asleep", await rig.open("/says-goodbye?asleep"));
  const opener = await rig.open("/opener");
  const opened = opener.waitForEvent("popup");
  await opener.evaluate(() => void Object.assign(window, { popup: window.open("/says-goodbye?closed") }));
  const closed = await greeted("closed", await opened);
  /** @param {any} event */
  const markOf = async ({ source }) =>
    (await lostDocuments()).find(({ document_id }) => document_id === source.metadata.document_id);
  /** @param {any} event @param {any} mark */
  const checkMark = (event, mark) => {
    assert.equal(mark.reason, "tab_closed");
    assert.ok(mark.from_ts >= event.ts && mark.from_ts < mark.to_ts, JSON.stringify({ mark, event }));
  };
  /** Whether its last word is in the store, once that or its mark is. @param {Awaited<ReturnType<typeof greeted>>} greeted */
  const isHeard = async ({ event }) => {
    const goodbye = event.data.text.replace("hello", "goodbye");
    let isStored = false;
    await rig.poll(`${goodbye}, or its mark`, async () => {
      const logged = await rig.collector.events("type:console.log");
      isStored = logged.some(({ data }) => /** @type {any} */ (data).text === goodbye);
      return isStored || (await markOf(event)) !== undefined;
    });
    return isStored;
  };
  await greeter.page.close();
  const isGreeterHeard = await isHeard(greeter);
  await opener.evaluate(() => /** @type {any} */ (window).popup.close());
  await rig.poll("the mark of the window", async () => (await markOf(closed.event)) !== undefined);
  checkMark(closed.event, await markOf(closed.event));
  await rig.killWorker();
  await asleep.page.close();
  // Anything that happens in the browser may have started a worker in time.
  if (!(await isHeard(asleep))) checkMark(asleep.event, await markOf(asleep.event));
  // The others were closed after it, and looked at.
  if (isGreeterHeard) assert.equal(await markOf(greeter.event), undefined);
  await opener.close();
});

/** Leaves documents of every kind in one tab. Returns the marks of that tab which are not taken back. @param {number} attempt */
async function marksOfQuietLeaving(attempt) {
  const page = await rig.open(`/quiet?${attempt}`);
  const { source: first } = await rig.event("console.log", `quiet ?${attempt}`);
  await page.goto(`${rig.site.otherOrigin}/frames`);
  await page.evaluate(() => document.querySelector("iframe")?.remove());
  await page.goto(`${rig.site.origin}/quiet?again`);
  await page.goto(`${rig.site.otherOrigin}/freezes?${attempt}`);
  await rig.event("console.log", `freezes ?${attempt}`);
  await page.goto(`${rig.site.origin}/quiet?at last`);
  await rig.event("console.log", `is frozen ?${attempt}`);
  const opener = await rig.open("/opener");
  const opened = opener.waitForEvent("popup");
  await opener.evaluate(
    (url) => void Object.assign(window, { popup: window.open(url) }),
    `/says-goodbye?marked${attempt}`,
  );
  await opened;
  const { source } = await rig.event("console.log", `hello ?marked${attempt}`);
  await opener.evaluate(() => /** @type {any} */ (window).popup.close());
  // The documents that ended before it were looked at before it.
  const isIts = (/** @type {any} */ mark) => mark.document_id === source.metadata.document_id;
  await rig.poll("the mark", async () => (await lostDocuments()).some(isIts));
  const marks = async () => (await lostDocuments()).filter(({ tab_id }) => tab_id === first.metadata.tab_id);
  // A document whose last message is late is marked until it arrives.
  const deadline = Date.now() + TAKEN_BACK_MS;
  while ((await marks()).length > 0 && Date.now() < deadline) await sleep(100);
  const left = await marks();
  await page.close();
  await opener.close();
  return left;
}

test("a page that is left with everything delivered, or silent, leaves no mark", async () => {
  // Chromium waits half a second for the last words of a process that the page leaves. On a loaded machine they may
  // take longer: then they are lost, and the mark is right.
  for (let attempt = 1; ; attempt++) {
    const marks = await marksOfQuietLeaving(attempt);
    if (marks.length === 0) return;
    assert.ok(attempt < MOST_ATTEMPTS, JSON.stringify(marks));
  }
});

test("a document that goes on after pagehide, and ends before it is frozen, is marked", async () => {
  const opener = await rig.open("/opener");
  for (let isMarked = false, time = 1; !isMarked; time++) {
    const opened = opener.waitForEvent("popup");
    await opener.evaluate((url) => void window.open(url, "_blank", "noopener"), `/goes-on?${time}`);
    const page = await opened;
    const { source } = await rig.event("console.log", `goes on soon ?${time}`);
    // In one process, `pagehide` is part of the commit, and the order to freeze the page mostly comes after its message.
    await page.goto(`${rig.site.origin}/silent`, { waitUntil: "commit" });
    await page.close();
    await rig.poll("its mark, or its last word", async () => {
      isMarked = (await lostDocuments()).some(
        ({ document_id }) => document_id === source.metadata.document_id,
      );
      const said = await rig.collector.events("type:console.log");
      return (
        isMarked || said.some(({ data }) => /** @type {any} */ (data).text === `frozen ?${time}` && time < 10)
      );
    });
  }
  await opener.close();
});
