/** What an event came from, on pages made for it: the links of docs/causes.md, and none besides. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startRig } from "./fixtures/rig.mjs";

/** Each request says by its name when it was made. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>causes</title>
  <button id="button">Buy</button><input id="field" aria-label="Field"><input id="secret" type="password">
  <form id="form"><input type="checkbox" id="box" aria-label="Box"><button id="send">Send</button></form>
  <script>
  const ask = (name) => fetch("/data?" + name).then((response) => response.text());
  const by = (id, type, handler) => document.getElementById(id).addEventListener(type, handler);
  by("button", "click", () => { ask("in-dispatch"); console.log("said in the dispatch"); });
  by("button", "click", async () => {
    await null; await null;
    const xhr = new XMLHttpRequest(); xhr.open("GET", "/data?in-microtask"); xhr.send();
    navigator.sendBeacon("/data?beacon", "");
  });
  by("button", "click", async () => { await ask("first"); await ask("after-response"); });
  by("button", "click", () => setTimeout(() => ask("in-timer")));
  by("button", "click", () => { document.getElementById("field").dispatchEvent(new MouseEvent("click", { bubbles: true })); });
  by("button", "click", () => { throw new Error("thrown in the dispatch"); });
  by("field", "click", () => ask("in-nested-dispatch"));
  by("field", "keydown", ({ key }) => ask("key-" + key));
  by("secret", "keydown", () => ask("key-of-a-password"));
  by("box", "change", () => ask("changed"));
  by("form", "submit", (event) => { event.preventDefault(); ask("submitted"); });
  window.forge = () => document.getElementById("button").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  </script>`;

/** @type {import("./fixtures/rig.mjs").Rig} */
let rig;
/** @type {import("playwright-core").Page} */
let page;
before(async () => {
  rig = await startRig({
    pages: {
      "/page": PAGE,
      "/data": (_, response) => response.writeHead(200).end("data"),
    },
  });
  page = await rig.open("/page");
});
after(() => rig.close());

/** The link of a request's call. @param {string} name */
const causeOf = async (name) =>
  (await rig.event("network.call", `/data?${name}`)).source.metadata.cause_id ?? null;

test("a click is the cause of what its dispatch and the microtasks of its listeners do, and of nothing later", async () => {
  await page.click("#button");
  const { source } = await rig.event("input.click", "Buy");
  const id = source.metadata.interaction_id;
  assert.match(id ?? "", /^i[0-9a-f]+\.\d+$/);
  for (const name of ["in-dispatch", "in-microtask", "beacon", "first", "in-nested-dispatch"])
    assert.equal(await causeOf(name), id, name);
  for (const name of ["after-response", "in-timer"]) assert.equal(await causeOf(name), null, name);
  const said = await rig.event("console.log", "said in the dispatch");
  assert.equal(said.source.metadata.cause_id, id);
  const thrown = await rig.event("console.exception", "thrown in the dispatch");
  assert.equal(thrown.source.metadata.cause_id, id);
});

test("each interaction that is recorded is a cause, and a key of a run of keys is one with it", async () => {
  await page.focus("#field");
  for (const key of ["a", "b", "c"]) await page.keyboard.press(key);
  await page.focus("#secret");
  await page.keyboard.press("x");
  await page.check("#box");
  await page.click("#send");
  const [{ source: keys, ts }, { source: change }, { source: submit }] = await Promise.all([
    rig.event("input.key", "char"),
    rig.event("input.change", "box"),
    rig.event("input.submit"),
  ]);
  for (const key of ["a", "b", "c"]) assert.equal(await causeOf(`key-${key}`), keys.metadata.interaction_id);
  assert.ok(ts < (await rig.event("network.call", "key-a")).ts, "a cause is older than its effect");
  assert.equal(await causeOf("changed"), change.metadata.interaction_id);
  assert.equal(await causeOf("submitted"), submit.metadata.interaction_id);
  assert.equal(await causeOf("key-of-a-password"), null, "what is not recorded is no cause");
});

test("an event that the page dispatches is no cause", async () => {
  await page.evaluate(() => {
    history.replaceState(null, "", "/page?forged");
    /** @type {any} */ (window).forge();
  });
  await rig.until(
    "type:console.log url:*/page?forged",
    (events) => events.length === 1 && events[0]?.source.metadata?.cause_id === undefined,
  );
});

test("a request is the cause of its response, and a navigation of its document", async () => {
  const request = await rig.event("network.request", "/data?in-dispatch");
  const response = await rig.event("network.response", "/data?in-dispatch");
  assert.equal(request.source.metadata.cause_id, undefined);
  assert.equal(response.source.metadata.cause_id, request.source.metadata.request_id);
  const started = await rig.event("page.navigation_started", "/page");
  for (const what of ["committed", "dom_content_loaded", "loaded"]) {
    const { source } = await rig.event(`page.navigation_${what}`, "/page");
    assert.equal(source.metadata.cause_id, started.source.metadata.navigation_id, what);
    assert.equal(source.metadata.navigation_id, source.metadata.cause_id);
  }
});
