/** The reference page and the code say the same: the other half of the check is at the end of every rig. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../../scripts/lib/paths.mjs";
import { fieldsOf, readReference, undocumented } from "./fixtures/reference.mjs";

const SOURCES = readdirSync(join(root, "extension"), { recursive: true })
  .map(String)
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => readFileSync(join(root, "extension", file), "utf8"));

const RUST = ["src/system.rs", "src/record/reason.rs"].map((file) => readFileSync(join(root, file), "utf8"));

test("every type that the sources name is on the page", () => {
  const reference = readReference();
  const named = new Set(
    [...SOURCES, ...RUST].flatMap((text) =>
      [...text.matchAll(/"((?:console|network|page|tab|window|input|system)\.[a-z_]+)"/g)].map(
        ([, type]) => type,
      ),
    ),
  );
  assert.ok(named.size > 25, `${named.size}`);
  assert.deepEqual(
    [...named].filter((type) => fieldsOf(reference, String(type)) === undefined),
    [],
  );
});

test("every gap reason that the sources name is on the page", () => {
  const page = readFileSync(join(root, "docs", "events.md"), "utf8");
  const reasons = SOURCES.flatMap((text) =>
    [...text.matchAll(/recordDrop\([^)]*"([a-z_]+)"\)|reason"?: ?"([a-z_]+)"/g)].map(([, a, b]) => a ?? b),
  );
  assert.ok(reasons.length >= 5);
  const ours = RUST.flatMap((text) => [...text.matchAll(/pub const [A-Z_]+: &str = "([a-z_]+)"/g)]);
  assert.ok(ours.length >= 6);
  reasons.push(...ours.map(([, reason]) => reason));
  for (const reason of reasons) assert.ok(page.includes(`\`${reason}\``), `${reason}`);
});

test("every method of console that is hooked is on the page", () => {
  const reference = readReference();
  const list =
    /METHODS = \[([^\]]+)\]/.exec(SOURCES.find((text) => text.includes("export const METHODS")) ?? "")?.[1] ??
    "";
  const methods = [...list.matchAll(/"(\w+)"/g)].map(([, method]) => String(method));
  assert.ok(methods.length > 15, `${methods}`);
  const snake = (/** @type {string} */ name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  assert.deepEqual(
    methods.filter((method) => !reference.has(`console.${snake(method)}`)),
    [],
  );
});

test("the check notices a type, a field and a level that the page does not have", () => {
  const event = {
    ts: 1,
    type: "input.click",
    category: "interaction",
    detail_level: /** @type {const} */ ("minimal"),
    source: { kind: /** @type {const} */ ("extension"), event: "click" },
  };
  assert.deepEqual(undocumented([{ ...event, data: { selector: "a" } }]), []);
  assert.deepEqual(undocumented([{ ...event, data: { label: "x" } }]), ["input.click label at minimal"]);
  assert.deepEqual(undocumented([{ ...event, data: { surprise: 1 } }]), ["input.click surprise"]);
  assert.deepEqual(undocumented([{ ...event, type: "input.pinch" }]), ["input.pinch"]);
});
