/** The two builds: what each may do, and what neither has. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";

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
