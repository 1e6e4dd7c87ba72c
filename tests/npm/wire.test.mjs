/** The wire, byte for byte where JavaScript can see it: the fixtures that Rust reads too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import init, { CaptureSession, TabtapeError } from "../../dist/npm/node.js";

const wire = JSON.parse(readFileSync(new URL("../fixtures/wire/events.json", import.meta.url), "utf8"));
await init();

const session = () => new CaptureSession({ sessionId: wire.capture_session_id });

for (const { name, publish, line } of wire.accepted) {
  test(`accepted: ${name}`, () => {
    const one = session();
    assert.deepEqual(one.publishBatch(publish), { firstSeq: 1, lastSeq: 1, refused: [] });
    assert.deepEqual(one.reader().tryRead(), { envelope: JSON.parse(line) });
  });
}

for (const { name, publish, code, message } of wire.refused) {
  test(`refused: ${name}`, () => {
    const one = session();
    assert.deepEqual(one.publishBatch(publish).refused, [{ index: 0, code, message }]);
    assert.equal(one.latestSeq, 0);
  });
}

test("a refused publish throws a real Error with the code", () => {
  const one = session();
  assert.throws(
    () => one.publish(/** @type {any} */ ({ type: "a", category: "c", source: { kind: "x" } })),
    (error) => error instanceof TabtapeError && error instanceof Error && error.code === "invalid_event",
  );
});

test("what JSON cannot say is refused before it crosses", () => {
  const one = session();
  const source = { kind: /** @type {const} */ ("extension") };
  /** @type {any} */
  const cycle = { type: "a.b", category: "c", source, data: {} };
  cycle.data.self = cycle;
  assert.throws(() => one.publish(cycle), { code: "invalid_event" });
  assert.throws(() => one.publish(/** @type {any} */ (undefined)), { code: "invalid_event" });
  let deep = /** @type {any} */ (0);
  for (let depth = 0; depth < 1_000; depth++) deep = [deep];
  assert.throws(() => one.publish({ type: "a.b", category: "c", source, data: deep }), {
    code: "invalid_event",
  });
  assert.equal(one.publish({ type: "a.b", category: "c", source, data: "\ud800" }), 1);
});

test("a reader that fell behind gets its count of dropped records, and a cursor from elsewhere refused", () => {
  const one = new CaptureSession({ ringCapacity: 2 });
  const reader = one.reader();
  for (let i = 0; i < 5; i++)
    one.publish({ type: "a.b", category: "c", source: { kind: "extension" }, data: i });
  assert.deepEqual(reader.tryRead(), { dropped: 3, nextSeq: 4 });
  assert.throws(() => one.reader({ afterSeq: 6 }), { code: "cursor_ahead" });
  assert.throws(() => one.reader({ selector: "sevrity:warn" }), { code: "invalid_selector" });
});

test("readers wait, see what comes, and end with the session", async () => {
  const one = new CaptureSession();
  const seen = /** @type {number[]} */ ([]);
  const reading = (async () => {
    for await (const result of one.reader({ selector: { categories: "c" } })) {
      if ("envelope" in result) seen.push(result.envelope.seq);
    }
  })();
  one.publish({ type: "a.b", category: "other", source: { kind: "extension" } });
  one.publish({ type: "a.b", category: "c", source: { kind: "extension" } });
  await one.close();
  await reading;
  assert.deepEqual(seen, [2]);
  assert.throws(() => one.publish({ type: "a.b", category: "c", source: { kind: "extension" } }), {
    code: "closed",
  });
  await one.close();
});
