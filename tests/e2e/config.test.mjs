/** Recording off leaves pages alone; levels, sites and tabs that are open already. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  recording: false,
  pages: {
    "/page": scripted(`
      console.log("inline of page", { deep: { deeper: { deepest: { end: 1 } } } });`),
    "/tampered": scripted(`
      window.errors = []; addEventListener("error", (event) => errors.push(event.message));
      window.printed = []; console.log = (...args) => printed.push(args.length);
      for (const [owner, name] of [[JSON, "stringify"], [Reflect, "apply"], [Reflect, "ownKeys"], [Object, "hasOwn"], [Map.prototype, "get"],
        [WeakMap.prototype, "has"], [String.prototype, "slice"], [window, "queueMicrotask"]]) owner[name] = () => { throw new Error("tampered " + name); };`),
    "/broken": scripted(`
      window.errors = []; addEventListener("error", (event) => errors.push(event.message));
      delete window.Reflect; delete window.CustomEvent; delete Promise.prototype.then; Object.freeze(console);`),
    "/frozen-first": scripted(`Object.freeze(console);`),
    "/own-console": scripted(`console = Object.create({ log() {} });`),
    "/open": scripted(
      `document.write('<b id="tabtapeRelay"></b><b id="tabtapeSettings"></b>'); window.late = { plain: 1 }; window.model = new Proxy({ a: 1 }, { get() { window.trapped = true; } });`,
    ),
  },
});

const registered = async () =>
  (await rig.worker()).evaluate(() => chrome.scripting.getRegisteredContentScripts());

/** Worlds of extensions in the page, and whether its console's calls go through one. @param {import("playwright-core").Page} page */
async function traces(page) {
  const session = await rig.context.newCDPSession(page);
  /** @type {string[]} */
  const worlds = [];
  session.on("Runtime.executionContextCreated", ({ context }) => worlds.push(context.origin));
  await session.send("Runtime.enable");
  const message = page.waitForEvent("console");
  await page.evaluate(() => console.log("from where?"));
  const { url } = (await message).location();
  await session.detach();
  const ours = rig.extensionOrigin ?? "?";
  return { world: worlds.some((origin) => origin.startsWith(ours)), hooked: url === "tabtape/hook.js" };
}

test("with recording off nothing is registered, injected or recorded", async () => {
  const page = await rig.open("/page");
  assert.deepEqual(await registered(), []);
  assert.deepEqual(await traces(page), { world: false, hooked: false });
  assert.deepEqual(await rig.collector.records(""), []);
  const { recording, recorder } = await rig.command({ command: "status" });
  assert.deepEqual([recording, recorder], [false, null]);
  await page.close();
});

test("a tab opened before recording is recorded from then on, and says since when", async () => {
  const page = await rig.open("/open");
  await rig.command({ command: "start" });
  const { ts } = await rig.event("page.capture_limited", "open_before_recording");
  assert.ok(ts > 0);
  await page.evaluate(() => {
    const { late, model } = /** @type {any} */ (window);
    console.log("late objects", late, model, new Error("late error"));
  });
  const { data } = await rig.event("console.log", "late objects");
  // Proxies made before us cannot be distinguished from objects, so none is opened; errors can.
  assert.deepEqual(data.args.slice(1, 3), [{ $: "closed" }, { $: "closed" }]);
  assert.equal(data.args[3].message, "late error");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).trapped), undefined);
  await page.close();
});

test("a page that broke built-ins first notices nothing when recording begins", async () => {
  await rig.command({ command: "stop" });
  const tampered = await rig.open("/tampered");
  const broken = await rig.context.newPage();
  await broken.goto(`${rig.site.origin}/broken`);
  await rig.command({ command: "start" });
  await tampered.waitForTimeout(500);
  // Plain expressions: the driver's own helpers need what these pages have broken.
  await tampered.evaluate("console.log(1, { a: 1 }), console.warn('w'), 0");
  assert.equal(await tampered.evaluate("printed.length"), 1);
  assert.equal(await tampered.evaluate("errors.length"), 0);
  assert.equal(await broken.evaluate("console.log('b'), errors.length"), 0);
  await tampered.close();
  await broken.close();
});

test("a page whose console cannot be hooked any more is recorded as one", async () => {
  await rig.command({ command: "stop" });
  const paths = ["/frozen-first", "/own-console", "/broken", "/open"];
  const pages = await Promise.all(paths.map((path) => rig.open(path)));
  await rig.command({ command: "start" });
  for (const path of paths.slice(0, 3)) {
    await rig.until(`type:page.capture_limited url:*${path}`, (events) =>
      events.some(({ data }) => /** @type {any} */ (data).reason === "console_not_hookable"),
    );
  }
  const open = await rig.until("type:page.capture_limited url:*/open", (events) => events.length > 1);
  assert.ok(open.every(({ data }) => /** @type {any} */ (data).reason === "open_before_recording"));
  for (const page of pages) await page.close();
});

test("levels hold from the first inline script on, and change live", async () => {
  await rig.command({
    command: "configure",
    patch: { categories: { console: { detail_level: "minimal" } } },
  });
  const page = await rig.open("/page");
  const minimal = await rig.event("console.log", "inline of page");
  assert.equal(minimal.detail_level, "minimal");
  assert.deepEqual(Object.keys(minimal.data), ["text"]);
  await rig.command({
    command: "configure",
    patch: { categories: { console: { detail_level: "verbose" } } },
  });
  await page.evaluate(() => console.log("verbose now", { a: { b: { c: { d: { e: 1 } } } } }));
  const verbose = await rig.event("console.log", "verbose now");
  assert.equal(verbose.detail_level, "verbose");
  assert.deepEqual(verbose.data.args[1], { a: { b: { c: { d: { e: 1 } } } } });
  assert.match(verbose.data.stack, /at /);
  await rig.command({ command: "configure", patch: { categories: { console: { enabled: false } } } });
  await page.evaluate(() => console.log("not recorded"));
  await rig.command({
    command: "configure",
    patch: { categories: { console: { enabled: true, detail_level: "standard" } } },
  });
  await page.evaluate(() => console.log("recorded again"));
  await rig.event("console.log", "recorded again");
  const events = await rig.collector.events("category:console");
  assert.deepEqual(
    events.filter(({ data }) => JSON.stringify(data).includes("not recorded")),
    [],
  );
  await rig.until("type:system.config_changed", (found) => found.length >= 4);
  await page.close();
});

test("a page opened after a change keeps to the byte budget of that change", async () => {
  const budget = 2_000;
  const verbose = { detail_level: /** @type {const} */ ("verbose"), max_event_bytes: budget };
  await rig.command({ command: "configure", patch: { categories: { console: verbose } } });
  const page = await rig.open("/page?budget");
  await rig.until("type:console.log url:*budget", (events) => events.length > 0);
  await page.evaluate(() =>
    console.log(
      "large",
      Array.from({ length: 100 }, (_, n) => `${n}`.repeat(200)),
    ),
  );
  const { data, truncated } = await rig.event("console.log", "large");
  assert.equal(truncated, true);
  const bytes = Buffer.byteLength(JSON.stringify(data));
  assert.ok(bytes <= budget, `${bytes}`);
  const patch = { categories: { console: { detail_level: /** @type {const} */ ("standard") } } };
  await rig.command({ command: "configure", patch });
  await page.close();
});

test("a change of the config leaves no moment without content scripts", async () => {
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    scope.unregister = chrome.scripting.unregisterContentScripts;
    scope.unregistered = 0;
    chrome.scripting.unregisterContentScripts = (/** @type {any[]} */ ...args) => {
      scope.unregistered++;
      return scope.unregister.apply(chrome.scripting, args);
    };
  });
  const level = (/** @type {"minimal" | "standard"} */ detail_level) =>
    rig.command({ command: "configure", patch: { categories: { page: { detail_level } } } });
  await Promise.all([level("minimal"), level("standard"), level("minimal")]);
  const [relay] = (await registered()).filter(({ js }) => js?.includes("relay.js"));
  assert.ok(relay?.js?.includes("levels/page-minimal.js"), `${relay?.js}`);
  await level("standard");
  assert.equal(await worker.evaluate(() => /** @type {any} */ (globalThis).unregistered), 0);
  assert.equal((await registered()).length, 2);
});

test("a change of the config on which recording ends leaves no content scripts behind", async () => {
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    const known = chrome.scripting.getRegisteredContentScripts;
    scope.asked = 0;
    chrome.scripting.getRegisteredContentScripts = /** @type {any} */ (
      async (/** @type {any[]} */ ...args) => {
        if (scope.asked++ === 0) await new Promise((done) => setTimeout(done, 500));
        return /** @type {any} */ (known).apply(chrome.scripting, args);
      }
    );
    scope.askAtOnce = () => {
      chrome.scripting.getRegisteredContentScripts = known;
    };
  });
  const level = { detail_level: /** @type {const} */ ("standard") };
  const change = { categories: { page: level } };
  const changed = rig.command({ command: "configure", patch: change }).catch(() => {});
  await rig.poll("the change", () => worker.evaluate(() => /** @type {any} */ (globalThis).asked === 1));
  await Promise.all([rig.command({ command: "stop" }), changed]);
  await worker.evaluate(() => /** @type {any} */ (globalThis).askAtOnce());
  assert.deepEqual(await registered(), []);
  await rig.command({ command: "start" });
});

test("the config shown while nothing is recorded is the one that recording begins with", async () => {
  await rig.command({ command: "stop" });
  const patch = { categories: { shop: { enabled: false }, network: { enabled: false } }, noise: [] };
  await rig.command({ command: "configure", patch });
  const { recording, config } = await rig.command({ command: "status" });
  assert.equal(recording, false);
  await rig.command({ command: "start" });
  assert.deepEqual((await rig.command({ command: "status" })).config, config);
  const restored = { categories: { network: { enabled: true } } };
  await rig.command({ command: "configure", patch: restored });
});

test("a bad config is refused as a whole, with the field that is wrong, also while nothing is recorded", async () => {
  const patch = /** @type {any} */ ({ categories: { console: { detail_level: "loud" } } });
  const refusal = /categories\.console\.detail_level.*loud/;
  await assert.rejects(rig.command({ command: "configure", patch }), refusal);
  await rig.command({ command: "stop" });
  await assert.rejects(rig.command({ command: "configure", patch }), refusal);
  await rig.command({ command: "start" });
});

test("settings that are changed while a recorder is being opened hold for it", async () => {
  await rig.command({ command: "stop" });
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    const { session } = chrome.storage;
    const set = session.set;
    session.set = /** @type {any} */ (
      async (/** @type {any} */ items) => {
        if ("tabtape_resume" in items) await new Promise((goOn) => Object.assign(scope, { goOn }));
        return /** @type {any} */ (set).call(session, items);
      }
    );
    scope.setAtOnce = () => Object.assign(session, { set });
  });
  const started = rig.command({ command: "start" });
  await rig.poll("the opening", () => worker.evaluate(() => "goOn" in globalThis));
  const page = /** @type {const} */ ({ enabled: false, detail_level: "minimal" });
  await rig.command({ command: "configure", patch: { categories: { page } } });
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    scope.setAtOnce();
    scope.goOn();
  });
  await started;
  const { recorder, config } = await rig.command({ command: "status" });
  assert.notEqual(recorder, null);
  assert.deepEqual({ ...config?.categories.page, ...page }, config?.categories.page);
  const restored = /** @type {any} */ ({ categories: { page: null } });
  await rig.command({ command: "configure", patch: restored });
});

test("an excluded site is left alone at once, and recorded again when it is no longer excluded", async () => {
  const page = await rig.open("/page", rig.site.otherOrigin);
  await rig.event("console.log", "inline of page");
  await rig.command({ command: "configure", patch: { sites: { exclude: ["localhost"] } } });
  await page.evaluate(() => console.log("from an excluded site"));
  await page.reload();
  await page.evaluate(() => console.log("from an excluded site, reloaded"));
  await page.evaluate(() => fetch("/excluded-request").catch(() => {}));
  const other = await rig.open("/page");
  await other.evaluate(() => console.log("from another site"));
  await rig.event("console.log", "from another site");
  await rig.command({ command: "configure", patch: { sites: { exclude: [] } } });
  await page.evaluate(() => console.log("no longer excluded"));
  await rig.event("console.log", "no longer excluded");
  const all = await rig.collector.events("category:console,network,page,tab");
  assert.deepEqual(
    all.filter(({ url, data }) => /excluded site|excluded-request/.test(`${url} ${JSON.stringify(data)}`)),
    [],
  );
  await page.close();
  await other.close();
});

test("one site is recorded by host and port, from its first inline script on, and no other", async () => {
  await rig.command({ command: "configure", patch: { sites: { include: [new URL(rig.site.origin).host] } } });
  const other = await rig.open("/page", rig.site.otherOrigin);
  await other.evaluate(() => console.log("not of the one site"));
  const page = await rig.open("/page?only");
  await page.evaluate(() => console.log("of the one site"));
  await rig.event("console.log", "of the one site");
  const events = await rig.collector.events("category:console");
  assert.ok(
    events.some(({ url, data }) => url?.endsWith("?only") && JSON.stringify(data).includes("inline")),
  );
  assert.ok(!events.some(({ data }) => JSON.stringify(data).includes("not of the one site")));
  await rig.command({ command: "configure", patch: { sites: { include: ["*"] } } });
  await page.close();
  await other.close();
});

test("stopping gives every open page its own console back and ends the session", async () => {
  const page = await rig.open("/page");
  assert.equal((await traces(page)).hooked, true);
  await rig.command({ command: "stop" });
  await rig.until("type:system.session_ended", (events) => events.length >= 2);
  assert.deepEqual(await registered(), []);
  assert.equal((await traces(page)).hooked, false);
  await page.evaluate(() => console.log("after the end"));
  await rig.command({ command: "start" });
  await page.evaluate(() => console.log("in the next session"));
  const event = await rig.event("console.log", "in the next session");
  assert.ok(event);
  const events = await rig.collector.events("category:console");
  assert.deepEqual(
    events.filter(({ data }) => JSON.stringify(data).includes("after the end")),
    [],
  );
  await page.close();
});

test("a start while a stop still delivers what is left begins a recording that lasts", async () => {
  const page = await rig.open("/page");
  await page.evaluate(() => console.log("before the stop"));
  await Promise.all([rig.command({ command: "stop" }), rig.command({ command: "start" })]);
  const { recording, recorder } = await rig.command({ command: "status" });
  assert.equal(recording, true);
  assert.notEqual(recorder, null);
  await page.evaluate(() => console.log("after the start"));
  assert.ok(await rig.event("console.log", "after the start"));
  await page.close();
});
