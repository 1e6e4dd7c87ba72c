/**
 * A page never notices: whatever it does, it sees the same with recording as without, on pages made to be hostile.
 *
 * Each page reports what it saw as `window.seen`. The browser without the extension says what is right.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedBareBrowser } from "./fixtures/browser.mjs";
import { startCollector } from "./fixtures/collector.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** Page scripts; each leaves what it saw in `seen`, maybe after a while. */
const HOSTILE = {
  identity: `
    seen = {};
    for (const name of Object.getOwnPropertyNames(console)) {
      const method = console[name];
      if (typeof method !== "function") continue;
      seen[name] = [method.name, method.length, method.toString(), String(method), Function.prototype.toString.call(method),
        Object.getOwnPropertyNames(method), Object.getOwnPropertySymbols(method).length, "prototype" in method,
        JSON.stringify(Object.getOwnPropertyDescriptor(console, name)), Object.getPrototypeOf(method) === Function.prototype];
      try { new method(); } catch (error) { seen[name].push(error.message.replace(/console\\[.*?\\]|method/, "it")); }
      for (const odd of [() => { class Mine extends method {} }, () => structuredClone(method), () => { "use strict"; method.name = ""; }]) try { odd(); } catch (error) { seen[name].push(error.message); }
    }
    seen.order = Object.getOwnPropertyNames(console);
    seen.toString = [Function.prototype.toString.name, Function.prototype.toString.length, Function.prototype.toString.toString(),
      Object.getOwnPropertyNames(Function.prototype.toString)];
    try { Function.prototype.toString.call({}); } catch (error) { seen.toString.push(error.message); }
    seen.Proxy = [Proxy.name, Proxy.length, Proxy.toString(), "prototype" in Proxy, Object.getOwnPropertyNames(Proxy),
      JSON.stringify(Object.getOwnPropertyDescriptor(globalThis, "Proxy")), Proxy.revocable.toString(), Proxy.revocable.length];
    try { Proxy({}, {}); } catch (error) { seen.Proxy.push(error.message); }
    try { new Proxy(1, {}); } catch (error) { seen.Proxy.push(error.message); }
    try { class Sub extends Proxy {} } catch (error) { seen.Proxy.push(error.message); }
    seen.globals = Object.getOwnPropertyNames(window).filter((name) => name !== "seen").sort().join();
    seen.attributes = [...document.documentElement.attributes].length;`,
  getters: `
    seen = { ran: 0 };
    const touchy = { get boom() { seen.ran++; throw new Error("getter ran"); }, get log() { seen.ran++; console.log("from a getter"); return 1; } };
    console.log(touchy, [touchy], new Map([["t", touchy]]));
    console.error(Object.create(touchy));
    class Loud { get inner() { seen.ran++; return 1; } toString() { seen.ran++; throw 1; } valueOf() { seen.ran++; } toJSON() { seen.ran++; return "json"; }
      get [Symbol.toStringTag]() { seen.ran++; return "tag"; } [Symbol.toPrimitive]() { seen.ran++; return "primitive"; } }
    console.log(new Loud(), { loud: new Loud() });
    const error = new Error("tampered");
    Object.defineProperty(error, "message", { get() { seen.ran++; return "m"; } });
    Object.defineProperty(error, "stack", { get() { seen.ran++; return "s"; } });
    Object.defineProperty(error, "name", { get() { seen.ran++; return "n"; } });
    console.log(error);
    const array = [1]; Object.defineProperty(array, 1, { get() { seen.ran++; return 2; }, enumerable: true }); console.log(array);
    Promise.reject(touchy); setTimeout(() => { throw touchy; });`,
  proxies: `
    seen = { traps: [] };
    const watching = new Proxy({}, { get: (_, trap) => (...args) => { seen.traps.push(trap); return Reflect[trap](...args); } });
    const proxied = new Proxy({ a: 1, deep: { b: 2 } }, watching);
    const list = new Proxy([1, 2, 3], watching);
    const call = new Proxy(function target() {}, watching);
    const { proxy: revoked, revoke } = Proxy.revocable({ gone: true }, watching); revoke();
    console.log(proxied, list, call, revoked, { proxied }, [list], new Map([[proxied, revoked]]), Object.create(proxied));
    console.error("%o %s %d", proxied); console.table(list); console.dir(revoked);
    console.assert(false, proxied);
    class Odd {} Object.setPrototypeOf(Odd.prototype, proxied); console.log(new Odd());
    Promise.reject(proxied);`,
  // Proxies made in a frame and logged in the page around it, and the other way round.
  frames: `
    seen = { traps: [] };
    const frame = document.createElement("iframe"); document.documentElement.append(frame);
    const inner = frame.contentWindow;
    const watching = new Proxy({}, { get: (_, trap) => (...args) => { seen.traps.push(trap); return Reflect[trap](...args); } });
    const ofFrame = new inner.Proxy({ a: { b: 1 } }, watching);
    const { proxy: revocable } = inner.Proxy.revocable([1, 2], watching);
    const ofPage = new Proxy({ c: 1 }, watching);
    console.log("of a frame", ofFrame, [revocable], Object.create(ofFrame));
    inner.console.log("of the page", ofPage, { ofPage });
    const nested = inner.document.createElement("iframe"); inner.document.documentElement.append(nested);
    console.log("of a frame in it", new nested.contentWindow.Proxy({}, watching));
    nested.contentWindow.console.log("back again", ofPage, ofFrame);
    seen.masked = [Function.prototype.toString.call(inner.console.log), inner.Function.prototype.toString.call(console.log),
      inner.Function.prototype.toString.call(Function.prototype.toString), Function.prototype.toString.call(inner.Proxy)];
    seen.globals = Object.getOwnPropertyNames(inner).sort().join();`,
  crossOrigin: `
    seen = [];
    const frame = document.createElement("iframe"); frame.src = location.origin.replace("127.0.0.1", "localhost") + "/order";
    frame.onload = () => {
      const foreign = frame.contentWindow;
      console.log("window of another origin", foreign, [foreign.location], { held: foreign });
      console.error("inherits it", Object.create(foreign), Object.setPrototypeOf(new Error("odd"), foreign));
      console.table(foreign); console.dir(foreign.location);
      Promise.reject(foreign); seen.push("went on", Object.prototype.toString.call(foreign));
    };
    document.documentElement.append(frame);`,
  builtinsAfter: `
    seen = { calls: 0, results: [] };
    const count = (owner, name) => { const original = owner[name]; owner[name] = function (...args) { if (armed) seen.calls++; return Reflect_apply(original, this, args); }; };
    let armed = false; const Reflect_apply = Reflect.apply;
    for (const [owner, names] of [[JSON, ["stringify", "parse"]], [Object, ["keys", "entries", "defineProperty", "getOwnPropertyNames", "getOwnPropertyDescriptor", "getPrototypeOf"]],
      [Reflect, ["ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf"]], [Array, ["isArray", "from"]], [Array.prototype, ["push", "join", "map", "slice", "forEach", "indexOf"]],
      [String.prototype, ["slice", "indexOf", "startsWith", "replace", "split", "toWellFormed", "charCodeAt"]], [Map.prototype, ["get", "set", "has", "entries"]], [Set.prototype, ["has", "add", "values"]],
      [WeakMap.prototype, ["get", "set", "has"]], [EventTarget.prototype, ["dispatchEvent", "addEventListener"]], [Date, ["now"]], [Performance.prototype, ["now"]], [Error, ["captureStackTrace"]],
      [window, ["queueMicrotask", "setTimeout", "postMessage"]], [Function.prototype, ["call", "apply", "bind"]], [RegExp.prototype, ["exec", "test"]], [Number.prototype, ["toString"]], [Symbol.prototype, ["toString"]]])
      for (const name of names) if (owner[name]) count(owner, name);
    const iterator = Array.prototype[Symbol.iterator]; Array.prototype[Symbol.iterator] = function () { if (armed) seen.calls++; return Reflect_apply(iterator, this, []); };
    for (const name of ["get", "set", "value", "toJSON", "constructor2", "writable"]) Object.defineProperty(Object.prototype, name, { __proto__: null, get() { if (armed) seen.calls++; }, set() { if (armed) seen.calls++; }, configurable: true });
    for (const index of [0, 1, 2]) Object.defineProperty(Array.prototype, index, { __proto__: null, set() { if (armed) seen.calls++; }, get() { if (armed) seen.calls++; }, configurable: true });
    const map = new Map(); map.set("k", [1, { b: 2 }]);
    armed = true;
    console.log("overwritten", { a: { b: [1, "x"] } }, map, new Date(0), Symbol("s"), /x/);
    console.error(new Error("e")); console.count(); console.assert(); console.log(); console.group(); console.groupEnd(); console.time("t"); console.timeEnd("t"); console.log("%s %d", "s", 1);
    armed = false;
    // The driver needs a page that works to read the result.
    for (const name of ["get", "set", "value", "toJSON", "constructor2", "writable"]) delete Object.prototype[name];
    for (const index of [0, 1, 2]) delete Array.prototype[index];`,
  formatted: `
    seen = { formatted: 0 };
    Error.prepareStackTrace = (error, frames) => { seen.formatted++; return "formatted"; };
    console.error("stack?", new Error("one")); console.trace("two"); console.log(new Error("three"));
    setTimeout(() => { throw new Error("four"); });`,
  named: `
    seen = { ran: 0 };
    class Named extends Error { get name() { return "Named"; } get message() { return "m"; } }
    console.error("named", new Named()); const error = new Error("n"); error.name = { toString() { return "N"; } }; console.log(error);
    setTimeout(() => { throw new Named(); }); Promise.reject(Object.setPrototypeOf(new Error("p"), new Proxy(Error.prototype, {})));`,
  messaged: `
    seen = { ran: 0 };
    class Messaged extends Error { get message() { seen.ran++; return "m"; } }
    const error = new Error(); error.message = { toString() { seen.ran++; return "M"; } };
    console.error("messaged", new Messaged()); console.log(error);
    Object.defineProperty(DOMException.prototype, "message", { get() { seen.ran++; return "d"; } }); console.error(AbortSignal.abort().reason);
    setTimeout(() => { throw new Messaged(); }); Promise.reject(new Messaged());`,
  order: `
    seen = [];
    addEventListener("error", (event) => { seen.push("error " + event.message); event.preventDefault(); });
    addEventListener("unhandledrejection", (event) => { seen.push("rejection " + event.reason.message); event.preventDefault(); });
    queueMicrotask(() => seen.push("microtask 1"));
    console.log("between"); seen.push("sync 1");
    queueMicrotask(() => seen.push("microtask 2"));
    Promise.resolve().then(() => { console.log("in then"); seen.push("then"); });
    setTimeout(() => seen.push("timeout")); const channel = new MessageChannel(); channel.port1.onmessage = () => seen.push("message"); channel.port2.postMessage(0);
    Promise.reject(new Error("r")); setTimeout(() => { throw new Error("t"); }, 5);
    seen.push(new Error("stack").stack.split("\\n").length);
    seen.push((function deep(n) { return n === 0 ? new Error("d").stack.split("\\n").length : deep(n - 1); })(3));`,
  trees: `
    const tree = (depth) => depth === 0 ? "leaf" : Object.fromEntries([0, 1, 2, 3, 4, 5].map((key) => [key, tree(depth - 1)]));
    const big = tree(6); console.log(big); console.log([big, [big]], "x".repeat(1000));
    const cycle = []; cycle.push(cycle, { cycle }); console.log(cycle);
    const wide = {}; for (let key = 0; key < 50000; key++) wide["k" + key] = key; console.log(wide);
    console.log(Array.from({ length: 100000 }, (_, index) => index), new Uint8Array(1 << 22));
    console.log(10n ** 5000n > 0n, Symbol.iterator, document, window, document.all);
    seen = "survived";`,
  platform: `
    seen = { ran: 0, traps: [] };
    const watching = new Proxy({}, { get: (_, trap) => (...args) => { seen.traps.push(trap); return Reflect[trap](...args); } });
    class Mine extends URL { get href() { seen.ran++; return "mine"; } }
    const objects = [new URL(location), new Mine(location), new Request("/"), new Response("x"), new Headers({ a: "b" }), new FormData(), new File(["x"], "f"), new DOMRect(),
      new CloseEvent("close"), new MessageEvent("message", { data: { get boom() { seen.ran++; } } }), new CustomEvent("c", { detail: new Proxy({}, watching) }), new Proxy(new URL(location), watching),
      Object.assign(new Error("own"), { response: new Proxy({ status: 1 }, watching), config: { get boom() { seen.ran++; } } }), Object.setPrototypeOf(new URL(location), new Proxy(URL.prototype, watching))];
    seen.traps.length = 0;
    for (const [owner, names] of [[URL.prototype, ["href"]], [Request.prototype, ["url", "method", "headers"]], [Response.prototype, ["status", "headers", "type"]], [Blob.prototype, ["size", "type"]], [File.prototype, ["name"]],
      [DOMRectReadOnly.prototype, ["x", "width"]], [CloseEvent.prototype, ["code"]], [MessageEvent.prototype, ["data"]], [CustomEvent.prototype, ["detail"]], [Event.prototype, ["type", "target"]]])
      for (const name of names) Object.defineProperty(owner, name, { configurable: true, get() { seen.ran++; } });
    for (const owner of [Headers.prototype, FormData.prototype, URLSearchParams.prototype]) owner.forEach = () => { seen.ran++; };
    WeakMap.prototype.get = new Proxy(WeakMap.prototype.get, { apply(...args) { seen.ran++; return Reflect.apply(...args); } });
    for (const object of objects) console.log("of the platform", [object]);
    console.error("all of them", ...objects);`,
  wrapped: `
    const before = console.log; const calls = [];
    console.log = function (...args) { calls.push(args); return before.apply(this, args); };
    console.log("wrapped", 1); console.log.call(null, "null this"); const { warn } = console; warn("detached");
    console.log = before; console.log("restored");
    seen = [calls, console.log === before, console.log("x") === undefined];`,
  frozen: `Object.freeze(console); console.log("frozen"); seen = [Object.isFrozen(console)]; try { "use strict"; console.log = 1; } catch {} seen.push(typeof console.log);`,
  recursion: `
    seen = []; let depth = 0; let logged = 0;
    // Logs where the stack is nearly full: ours has to fail there without the page noticing more than its own error.
    const dive = () => { depth++; try { dive(); } catch (error) { if (logged++ < 20) console.log("unwinding"); throw error; } };
    try { dive(); } catch (error) { seen.push(error instanceof RangeError, error.message); }
    console.log("after the overflow"); seen.push(depth > 100);`,
};

/** Pages whose results the driver's own listener does not change. */
const MESSAGES = ["crossOrigin", "frames", "order", "wrapped", "getters", "proxies"];
const SETTLE_MS = 150;

const pages = Object.fromEntries(
  Object.entries(HOSTILE).map(([name, script]) => [`/${name}`, scripted(`${script}\n;ended = true;`)]),
);
const rig = await sharedRig({ pages });
const bare = await sharedBareBrowser();

/** Returns the page's own observations and its console's output. @param {import("playwright-core").BrowserContext} context @param {string} name */
async function visit(context, name) {
  const page = await context.newPage();
  /** @type {string[]} */
  const printed = [];
  page.on("console", (message) => printed.push(`${message.type()} ${message.text()}`));
  page.on("pageerror", (error) => printed.push(`error ${error?.message}`));
  await page.goto(`${rig.site.origin}/${name}`);
  await page.waitForTimeout(SETTLE_MS);
  // Not through JSON of the page: some of these pages have broken it.
  const [ended, seen] = /** @type {[unknown, unknown]} */ (
    await page.evaluate("[window.ended, window.seen]")
  );
  await page.close();
  assert.equal(ended, true, "the page ran to its end");
  return { seen, printed };
}

for (const name of Object.keys(HOSTILE)) {
  test(`a page sees the same with recording: ${name}`, async () => {
    const without = await visit(bare, name);
    const within = await visit(rig.context, name);
    assert.deepEqual(within.seen, without.seen);
    if (MESSAGES.includes(name)) assert.deepEqual(within.printed, without.printed);
    if (name !== "identity") await rig.until(`category:console url:*/${name}`, (events) => events.length > 0);
  });
}

test("what a page does to built-ins after us does not change what is recorded", async () => {
  const event = await rig.event("console.log", "overwritten");
  assert.deepEqual(event.data.args.slice(0, 3), [
    "overwritten",
    { a: { b: [1, "x"] } },
    { $: "Map", size: 1, entries: [["k", [1, { b: 2 }]]] },
  ]);
});

test("a window of another origin is said to be one, and what is logged with it is kept", async () => {
  const [, ...args] = (await rig.event("console.log", "window of another origin")).data.args;
  const foreign = { $: "Window", cross_origin: true };
  assert.deepEqual(args, [foreign, [{ $: "Location", cross_origin: true }], { held: foreign }]);
  const error = await rig.event("console.error", "inherits it");
  assert.equal(error.data.text, "inherits it {} Error: odd");
});

test("a Proxy made in a frame is shown by its target in the page around it, and the other way round", async () => {
  const frame = await rig.event("console.log", "of a frame");
  assert.deepEqual(frame.data.args.slice(1, 3), [
    { $: "Proxy", target: { a: { b: 1 } } },
    [{ $: "Proxy", target: [1, 2] }],
  ]);
  const page = await rig.event("console.log", "back again");
  assert.deepEqual(page.data.args.slice(1), [
    { $: "Proxy", target: { c: 1 } },
    { $: "Proxy", target: { a: { b: 1 } } },
  ]);
});

test("a preview is bounded in depth, width and bytes, and says that it was", async () => {
  const events = await rig.until("category:console url:*/trees", (found) => found.length >= 5);
  for (const event of events)
    assert.ok(JSON.stringify(event).length < 40_000, `${JSON.stringify(event).length}`);
  assert.ok(events.some((event) => event.truncated));
});

test("a string of 50 MB costs the page a prefix", async () => {
  const page = await rig.open("/wrapped");
  // Inside an object, as a driver that listens to the console copies whole strings itself.
  await page.evaluate(() => console.debug("huge", { huge: "h".repeat(50 << 20) }));
  const event = await rig.event("console.debug", "huge");
  assert.equal(event.truncated, true);
  assert.equal(event.data.args[1].huge.length, 50 << 20);
  assert.ok(JSON.stringify(event).length < 10_000);
  await page.close();
});

/**
 * How many rejections of a loop the store holds, how many marks that one was prevented, and how many events of the
 * console are recorded as dropped.
 */
async function ledger() {
  let kept = 0;
  let marks = 0;
  let lost = 0;
  for (const record of await rig.collector.records("category:console")) {
    if ("gap" in record) {
      if (record.gap.category === "console") lost += record.gap.last_seq - record.gap.first_seq + 1;
    } else if (record.event.type === "console.rejection_handled") marks++;
    else if (`${/** @type {any} */ (record.event.data).text}`.includes("loop ")) kept++;
  }
  return { kept, marks, lost };
}

/** `MAX_UNSEEN` of the hook. */
const MARKED_PER_ROUND = 256;

test("of an endless stream of rejections with the collector dead each is kept or counted", async () => {
  const rounds = 50;
  const emitted = rounds * 1000;
  await rig.flushed();
  const { lost: before, marks: marksBefore } = await ledger();
  const { url, dataDir } = rig.collector;
  await rig.collector.stop("SIGKILL");
  const page = await rig.open("/wrapped");
  await page.evaluate(async (count) => {
    addEventListener("unhandledrejection", (event) => event.preventDefault());
    for (let round = 0; round < count; round++) {
      for (let index = 0; index < 1000; index++) Promise.reject(new Error(`loop ${round}.${index}`));
      await new Promise((next) => setTimeout(next));
    }
  }, rounds);
  rig.collector = await startCollector(dataDir, new URL(url).host);
  // A recorder that has failed for a while would try again only after a pause.
  await rig.flushed();
  let sum = { kept: 0, marks: 0, lost: 0 };
  await rig.poll("every rejection to be kept or counted", async () => {
    sum = await ledger();
    return sum.kept + sum.lost - before >= emitted;
  });
  // Some rejections of each round are marked as prevented, and some of these marks are dropped, too.
  const beyond = sum.kept + sum.lost - before + sum.marks - marksBefore - emitted;
  assert.ok(beyond <= rounds * MARKED_PER_ROUND, `${beyond} more than were emitted`);
  // A queue of 20,000, and what the worker took meanwhile: what a page can make us hold is bounded.
  assert.ok(sum.kept >= 20_000, `${sum.kept} kept`);
  await page.close();
});
