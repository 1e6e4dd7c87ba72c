/** `tabtape/extension` as another extension uses it: installed, bundled, loaded unpacked, recording. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { build } from "esbuild";
import { capture } from "../../scripts/lib/run.mjs";
import { launchBrowser, serviceWorker } from "../e2e/fixtures/browser.mjs";
import { startCollector } from "../e2e/fixtures/collector.mjs";
import { scripted, servePages } from "../e2e/fixtures/pages.mjs";
import { installedProject, succeed } from "./project.mjs";

const UNTIL_MS = 30_000;

const installed = await installedProject();
const collector = await startCollector(join(installed.folder, "data"));
const site = await servePages({
  "/": scripted('console.log("from the page"); fetch("/data")'),
  "/data": (_, response) => response.end("{}"),
});
const extension = join(installed.project, "extension");
const bin = join(installed.project, "node_modules", "tabtape", "scripts", "bin.mjs");
/** Output of `npx tabtape init-extension`. */
const copied = await succeed(process.execPath, [bin, "init-extension", extension]);
await build({
  entryPoints: [join(extension, "worker.ts")],
  outfile: join(extension, "worker.js"),
  bundle: true,
  define: { COLLECTOR: JSON.stringify(collector.target) },
  logOverride: { "empty-import-meta": "silent" },
});
const context = await launchBrowser({ profile: join(installed.folder, "profile"), extensions: [extension] });
after(async () => {
  await context.close();
  await collector.stop();
  await site.close();
  installed.remove();
});

/** @param {string} q @param {(event: any) => boolean} matches */
async function event(q, matches) {
  const deadline = Date.now() + UNTIL_MS;
  for (;;) {
    const events = await collector.events(q);
    const found = events.find(matches);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not in the store: ${q}; there are ${JSON.stringify(events)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("init-extension reports what a manifest lacks, and nothing of a complete one", async () => {
  assert.doesNotMatch(copied, /still needs/);
  const bare = join(installed.folder, "bare");
  mkdirSync(bare);
  writeFileSync(join(bare, "manifest.json"), '{ "manifest_version": 3, "permissions": ["storage"] }');
  const bin = join(installed.project, "node_modules", "tabtape", "scripts", "bin.mjs");
  const printed = await succeed(process.execPath, [bin, "init-extension", bare]);
  assert.match(printed, /"permissions": \["alarms","scripting","tabs"/);
  assert.match(printed, /host_permissions/);
  assert.match(printed, /wasm-unsafe-eval/);
  const { status, stderr } = await capture(process.execPath, [bin, "init-extension"]);
  assert.equal(status, 2);
  assert.match(stderr, /init-extension DIR/);
});

const consumer = () => serviceWorker(context, "Consumer");

test("a few lines record pages, network and tabs into the collector", async () => {
  const worker = await consumer();
  await worker.evaluate(() => /** @type {any} */ (globalThis).tabtape.ready);
  await (await context.newPage()).goto(site.origin);
  await event("type:console.log", ({ data }) => data.text === "from the page");
  await event("type:network.response", ({ url }) => url.endsWith("/data"));
  await event("type:page.navigation_committed", ({ url }) => url === `${site.origin}/`);
});

test("its own events are in the same stream, and a wrong one is its caller's", async () => {
  const worker = await consumer();
  const seq = await worker.evaluate(() =>
    /** @type {any} */ (globalThis).tabtape.publish({
      type: "app.saved",
      category: "app",
      source: { kind: "extension" },
      data: { id: 7 },
    }),
  );
  assert.ok(seq > 1, `${seq}`);
  assert.deepEqual((await event("type:app.saved", () => true)).data, { id: 7 });
  const refused = await worker.evaluate(() =>
    /** @type {any} */ (globalThis).tabtape
      .publish({ type: "app.saved", category: "Not a category", source: { kind: "extension" } })
      .catch((/** @type {any} */ error) => [error.code, error.message]),
  );
  assert.equal(refused[0], "invalid_event");
  assert.match(refused[1], /Not a category/);
});

test("a wrong argument is refused by name, and nothing else happens", async () => {
  const worker = await consumer();
  const refused = await worker.evaluate(async () => {
    const { record, tabtape } = /** @type {any} */ (globalThis);
    const options = {
      folder: 5,
      recording: "yes",
      capture: [],
      collector: { url: "http://127.0.0.1:1" },
      durability: "fsync",
      screenshot_on_error: 1,
      screenshot_on_action: 1,
      onState: {},
      unknown: true,
    };
    const outcome = (/** @type {Promise<unknown>} */ call) =>
      call.then(
        () => "not refused",
        (error) => `${error.code} ${error.message.split(":")[0]}`,
      );
    return [
      await outcome(tabtape.publish(null)),
      await outcome(tabtape.publish(undefined)),
      await outcome(tabtape.mark(5)),
      await outcome(tabtape.configure("verbose")),
      await outcome(tabtape.connect({ url: 5, secret: "s" })),
      await outcome(tabtape.connect(undefined)),
      ...(await Promise.all(
        Object.entries(options).map(([key, value]) => outcome((async () => record({ [key]: value }))())),
      )),
      tabtape.status.state,
    ];
  });
  assert.deepEqual(refused, [
    "invalid_event event",
    "invalid_event event",
    "invalid_argument note",
    "invalid_config patch",
    "invalid_collector collector.url",
    "invalid_collector collector",
    "invalid_options folder",
    "invalid_options recording",
    "invalid_config capture",
    "invalid_collector collector.secret",
    "invalid_options durability",
    "invalid_options screenshot_on_error",
    "invalid_options screenshot_on_action",
    "invalid_options onState",
    "invalid_options unknown",
    "logged",
  ]);
});

test("stopped, it leaves pages alone; nothing it keeps is in the way of its host's own names", async () => {
  const worker = await consumer();
  await worker.evaluate(() => /** @type {any} */ (globalThis).tabtape.stop());
  const kept = await worker.evaluate(async () => ({
    local: Object.keys(await chrome.storage.local.get(null)),
    session: Object.keys(await chrome.storage.session.get(null)),
    alarms: (await chrome.alarms.getAll()).map(({ name }) => name),
    scripts: (await chrome.scripting.getRegisteredContentScripts()).map(({ id }) => id),
    published: await /** @type {any} */ (globalThis).tabtape.publish({
      type: "app.saved",
      category: "app",
      source: { kind: "extension" },
    }),
  }));
  for (const name of [...kept.local, ...kept.session, ...kept.alarms]) assert.match(name, /^tabtape/);
  assert.deepEqual(kept.scripts, []);
  assert.equal(kept.published, null);
});

test("the missing permission of a manifest is named", async () => {
  const poorer = join(installed.folder, "poorer");
  cpSync(extension, poorer, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(poorer, "manifest.json"), "utf8"));
  manifest.name = "Poorer consumer";
  manifest.permissions = manifest.permissions.filter((/** @type {string} */ name) => name !== "webRequest");
  writeFileSync(join(poorer, "manifest.json"), JSON.stringify(manifest));
  const worker = readFileSync(join(poorer, "worker.js"), "utf8");
  writeFileSync(
    join(poorer, "worker.js"),
    `try {\n${worker}\n} catch (error) { globalThis.refused = [error.code, error.message]; }`,
  );
  const other = await launchBrowser({ profile: join(installed.folder, "other"), extensions: [poorer] });
  try {
    const refused = await (await serviceWorker(other, "Poorer")).evaluate(
      () => /** @type {any} */ (globalThis).refused,
    );
    assert.equal(refused[0], "missing_permission");
    assert.match(refused[1], /lacks the permissions webRequest;/);
  } finally {
    await other.close();
  }
});
