/** The popup next to a collector: what it says, and what its buttons do to browser and store. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { closeAtEnd } from "../e2e/fixtures/close.mjs";
import { scripted, servePages } from "../e2e/fixtures/pages.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { seeInFront } from "./alone.mjs";
import { downloaded, until } from "./browser.mjs";

const page = scripted(
  `console.log("a word", location.host); setTimeout(() => { throw new Error("broken") });`,
);
const rig = await sharedRig({ pages: { "/page": page } });
const site = await rig.open("/page");
await rig.open("/page", rig.site.otherOrigin);
const popup = await rig.context.newPage();
await seeInFront(popup, site.url());
await popup.goto(`${rig.extensionOrigin}/popup.html`);
await rig.until("type:console.exception", (events) => events.length === 2);

const said = (/** @type {string | RegExp} */ text) =>
  popup.getByRole("status").filter({ hasText: text }).waitFor();

test("the popup shows the numbers of records, undelivered records and errors", async () => {
  await popup.getByRole("heading", { name: "Recording" }).waitFor();
  await popup.getByText(`Delivering to ${new URL(rig.collector.url).host}`).waitFor();
  const number = async (/** @type {string} */ name) =>
    (await popup.locator(".numbers > div", { hasText: name }).locator("dd").innerText()).trim();
  const inStore = async () => String((await rig.collector.events("severity:error")).length);
  await until(
    async () => [await number("Errors"), await inStore()],
    ([said, stored]) => Number(said) >= 2 && said === stored,
    "errors, and those in the store",
  );
  await until(
    () => number("To deliver"),
    (n) => n === "0",
    "backlog",
  );
  assert.equal(await number("Missing"), "0");
  await popup.getByText(/^[\d.]+ kB stored in this browser/).waitFor();
});

test("“Open viewer” opens the collector's when it answers", async () => {
  const [opened] = await Promise.all([
    rig.context.waitForEvent("page"),
    popup.getByRole("button", { name: "Open viewer" }).click(),
  ]);
  await opened.waitForURL(`${rig.collector.url}/**`);
  await opened.locator(".row", { hasText: "broken" }).first().waitFor();
  await opened.close();
});

test("a switch stops a category at once, and the site's switch the site", async () => {
  await popup.getByRole("switch", { name: "Record console" }).click();
  await rig.until("type:system.config_changed", (events) => events.length === 1);
  await site.evaluate(() => console.log("unheard"));
  await popup.getByRole("switch", { name: "Record console" }).click();
  await rig.until("type:system.config_changed", (events) => events.length === 2);
  await site.evaluate(() => console.log("recorded again"));
  await rig.event("console.log", "recorded again");
  await popup.getByRole("combobox", { name: "Detail of console" }).selectOption("verbose");
  await rig.until("type:system.config_changed", (events) => events.length === 3);
  const { host } = new URL(rig.site.origin);
  await popup.getByRole("switch", { name: `Record ${host}` }).click();
  await rig.until("type:system.config_changed", (events) => events.length === 4);
  await site.evaluate(() => console.log("unheard, too"));
  await popup.getByRole("switch", { name: `Record ${host}` }).click();
  await rig.until("type:system.config_changed", (events) => events.length === 5);
  await rig.flushed();
  assert.ok(!JSON.stringify(await rig.collector.records("")).includes("unheard"));
});

test("a mark is in the stream with its note", async () => {
  await popup.getByRole("textbox", { name: "Note" }).fill("here it happened");
  await popup.getByRole("button", { name: "Mark" }).click();
  await said("Marked");
  await rig.event("system.mark", "here it happened");
});

test("a new session begins, and the old one is ended and stays stored", async () => {
  await rig.flushed();
  const before = (await rig.command({ command: "status" })).recorder.session_id;
  await popup.getByRole("button", { name: "New session" }).click();
  await said("A new session has begun");
  const after = (await rig.command({ command: "status" })).recorder.session_id;
  assert.notEqual(after, before);
  await rig.until("type:system.session_ended", (events) => events.length === 1);
  const started = await rig.until("type:system.session_started", (events) => events.length === 2);
  assert.equal(/** @type {{ previous?: string } | undefined} */ (started[1]?.data)?.previous, before);
});

test("a forgotten site is deleted from the logs and the store, which keep its gaps", async () => {
  // Another project on the same computer.
  const neighbour = await servePages({ "/page": page });
  closeAtEnd(neighbour.close);
  await rig.open("/page", neighbour.origin);
  const ofSite = `site:${new URL(rig.site.origin).host}`;
  const ofOthers = `site:localhost,${new URL(neighbour.origin).host}`;
  // `page.settled` is the last event that a page causes by itself.
  await rig.until(`type:page.settled site:${new URL(neighbour.origin).host}`, (events) => events.length > 0);
  await rig.flushed();
  const settled = (await rig.collector.events(`type:page.settled ${ofSite}`)).length;
  await site.reload();
  await rig.until(`type:console.exception ${ofSite}`, (events) => events.length === 2);
  await rig.until(`type:page.settled ${ofSite}`, (events) => events.length > settled);
  const others = (await rig.collector.events(ofOthers)).length;
  await popup.getByRole("button", { name: "Forget this site" }).click();
  await popup.getByRole("button", { name: "Really forget?" }).click();
  await said(/[1-9]\d* events of 127\.0\.0\.1:\d+ forgotten/);
  assert.equal(await popup.getByRole("alert").count(), 0, "and nothing is left in the store");
  assert.deepEqual(await rig.collector.events(ofSite), []);
  assert.equal((await rig.collector.events(ofOthers)).length, others, "other sites are untouched");
  const records = await rig.collector.records("");
  const deleted = records.flatMap((record) =>
    "gap" in record && record.gap.reason === "deleted" ? [record.gap.category] : [],
  );
  assert.ok(deleted.includes("console") && deleted.includes("page"), deleted.join());
  const { text: logs } = await downloaded(popup, () => popup.getByRole("button", { name: "Export" }).click());
  assert.ok(logs.includes(rig.site.otherOrigin) && logs.includes(neighbour.origin));
  assert.ok(!logs.includes(rig.site.origin));
  // Recording continues: only the records so far are deleted.
  await site.evaluate(() => console.log("after that"));
  await rig.event("console.log", "after that");
});

test("a program that takes the collector's port receives no token and no name of a site", async () => {
  // Nothing is under way: the extension still takes the collector for the one that answered last.
  await rig.flushed();
  await rig.collector.stop();
  /** @type {string[]} */
  const asked = [];
  const impostor = createServer((request, response) => {
    let all = `${request.method} ${request.url} ${JSON.stringify(request.headers)} `;
    request.setEncoding("latin1");
    request.on("data", (chunk) => (all += chunk));
    request.on("end", () => asked.push(all));
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ hmac: "00".repeat(32), store_id: "other", version: "0", deleted: 1, url: "/" }));
  });
  const { hostname, port } = new URL(rig.collector.url);
  await new Promise((resolve) => impostor.listen(Number(port), hostname, () => resolve(undefined)));
  try {
    const forgotten = await rig.command({ command: "forget", site: "nowhere.test" });
    assert.equal(forgotten.stored, null);
    assert.match(forgotten.left, /something else than the paired collector answers/);
    assert.ok(asked.length > 0);
    for (const request of asked) {
      // A batch that is due within seconds of the last answer comes sealed and without a hello.
      assert.match(
        request,
        /^(?:POST \/v1\/(?:hello|sealed)|PATCH \/v1\/sealed|GET \/v1\/sealed\?pairing=\S*) /,
      );
      assert.doesNotMatch(request, /authorization|nowhere\.test|tt_ingest|v1\/events|capture_session_id/);
    }
  } finally {
    impostor.closeAllConnections();
    await new Promise((resolve) => impostor.close(resolve));
  }
});

test("with the collector gone, a site is forgotten in the browser and the popup reports the rest", async () => {
  await site.evaluate(() => console.log("to be forgotten"));
  await popup.getByText(/No answer from/).waitFor({ timeout: 60_000 });
  await popup.getByRole("button", { name: "Forget this site" }).click();
  await popup.getByRole("button", { name: "Really forget?" }).click();
  await popup
    .getByRole("alert")
    .filter({ hasText: /still has records of .*: the collector at .* is not connected/ })
    .waitFor();
  const [opened] = await Promise.all([
    rig.context.waitForEvent("page"),
    popup.getByRole("button", { name: "Open viewer" }).click(),
  ]);
  await opened.waitForURL(`${rig.extensionOrigin}/viewer.html*`);
  await opened.locator(".row.gap").first().waitFor();
  await opened.close();
});
