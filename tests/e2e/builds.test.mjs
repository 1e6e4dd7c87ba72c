/** The two builds: what each may do, and what neither has. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { dist } from "../../scripts/lib/paths.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { startRig } from "./fixtures/rig.mjs";

/** @param {string} build */
const manifestOf = (build) => JSON.parse(readFileSync(dist(build, "manifest.json"), "utf8"));
const BUILDS = ["extension", "extension-store"];

test("the developer build holds its permissions, the store build asks for hosts and has no debugger", () => {
  const developer = manifestOf("extension");
  const store = manifestOf("extension-store");
  assert.deepEqual(developer.host_permissions, ["<all_urls>"]);
  assert.ok(developer.permissions.includes("debugger"));
  assert.equal(store.host_permissions, undefined);
  assert.deepEqual(store.optional_host_permissions, ["<all_urls>"]);
  assert.ok(!store.permissions.includes("debugger"));
  assert.equal(store.key, undefined, "the store gives the id");
});

for (const build of BUILDS) {
  test(`no page can reach into it: ${build}`, () => {
    const manifest = manifestOf(build);
    assert.equal(manifest.web_accessible_resources, undefined);
    assert.equal(manifest.externally_connectable.matches, undefined);
    assert.equal(manifest.incognito, "not_allowed");
    assert.equal(manifest.content_scripts, undefined, "content scripts are registered only while recording");
    const policy = manifest.content_security_policy.extension_pages;
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|https?:/);
  });

  test(`every file its manifest names is there, and no preconfiguration: ${build}`, () => {
    const manifest = manifestOf(build);
    const files = readdirSync(dist(build), { recursive: true }).map(String);
    for (const file of [
      manifest.background.service_worker,
      manifest.action.default_popup,
      ...Object.values(manifest.icons),
      "tabtape.wasm",
      "hook.js",
      "relay.js",
    ]) {
      assert.ok(files.includes(join(file)), `${file}`);
    }
    assert.ok(!files.includes("tabtape.json"));
  });
}

test("the hook is left out where DevTools show who called, whichever line of it did", () => {
  const script = readFileSync(dist("extension", "hook.js"), "utf8");
  const [code, encoded] = script.split("//# sourceMappingURL=data:application/json;base64,");
  const [address = "", name] = (encoded ?? "").split("\n");
  const map = JSON.parse(Buffer.from(address, "base64").toString());
  // An extension's address would cost each console message dearly.
  assert.equal(name, "//# sourceURL=tabtape/hook.js");
  assert.deepEqual([map.ignoreList, map.x_google_ignoreList], [[0], [0]]);
  const traced = new TraceMap(map);
  const lines = (code ?? "").trimEnd().split("\n");
  for (const [at, line] of lines.entries()) {
    const { source } = originalPositionFor(traced, { line: at + 1, column: line.length });
    assert.equal(source, map.sources[0], `line ${at + 1}`);
  }
  assert.ok(script.length - (code ?? "").length < 500, "it costs little");
});

const PAGES = { "/logs": scripted('console.log("from the page"); fetch("/data")') };

test("the store build injects nothing anywhere until a person has granted a site", async () => {
  const rig = await startRig({ build: dist("extension-store"), recording: false, pages: PAGES });
  try {
    const worker = await rig.worker();
    assert.equal(
      await worker.evaluate(() => chrome.permissions.contains({ origins: ["<all_urls>"] })),
      false,
    );
    assert.equal(await worker.evaluate(() => typeof chrome.debugger), "undefined");
    const status = await rig.command({ command: "status" });
    assert.deepEqual([status.recording, status.failure], [false, null]);
    const page = await rig.open("/logs");
    assert.equal(await page.evaluate(() => console.log.toString()), "function log() { [native code] }");
    assert.deepEqual(await rig.collector.events("-category:system"), []);
  } finally {
    await rig.close();
  }
});

test("the store build records the sites that were granted", async () => {
  const granted = mkdtempSync(join(tmpdir(), "tabtape-store-"));
  cpSync(dist("extension-store"), granted, { recursive: true });
  // No test can press the browser's own button: the copy has from its start what the button would give it.
  const manifest = manifestOf("extension-store");
  manifest.host_permissions = manifest.optional_host_permissions;
  writeFileSync(join(granted, "manifest.json"), JSON.stringify(manifest));
  const rig = await startRig({ build: granted, pages: PAGES });
  try {
    await rig.open("/logs");
    await rig.event("console.log", "from the page");
    await rig.event("network.response", "/data");
    await rig.event("page.navigation_committed", "/logs");
  } finally {
    await rig.close();
    rmSync(granted, { recursive: true, force: true });
  }
});
