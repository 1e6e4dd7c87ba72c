/** The list of one session: in order of time, whatever the order of acceptance was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedViewer, until, untilShown } from "./browser.mjs";
import { bundled } from "./bundled.mjs";
import { Store } from "./collector.mjs";
import { sessionId, take } from "./tape.mjs";

const { rowsOf, TimeOrder } = await bundled("rows.ts");
const SESSION = sessionId(1);
/** So many that the viewer reads the newest ones first, and the others as history. */
const COUNT = 7_000;
const LATE_EVERY = 40;
const LATE_MICROS = 2e6;
const ALL = take({ session: SESSION, startTs: (Date.now() - 1_200_000) * 1000 }, COUNT).map((record, i) => {
  const parsed = JSON.parse(record.line);
  if (i % LATE_EVERY !== LATE_EVERY - 1 || parsed.event === undefined) return record;
  parsed.event.ts -= LATE_MICROS;
  return { ...record, line: JSON.stringify(parsed) };
});
/** Seqs by time. A gap has the time of the record before it. */
const EXPECTED = (() => {
  let last = 0;
  return ALL.map(({ seq, line }) => {
    last = JSON.parse(line).event?.ts ?? last;
    return { seq, ts: last };
  })
    .sort((a, b) => a.ts - b.ts || a.seq - b.seq)
    .map(({ seq }) => seq);
})();

const { store, view } = await sharedViewer(Store.start());
await store.deliver(SESSION, ALL);
// Next to the problems, the list has room for enough rows that one of them came late.
const page = await view(undefined, { viewport: { width: 1280, height: 1300 } });
await untilShown(page, COUNT);
// Every record is a row, also on the pages that are opened later.
await page.keyboard.press("f");

/** Returns the seqs of the rows that are drawn, from top to bottom, once all of them have their text. */
async function drawn() {
  const rows = () =>
    page.locator(".row").evaluateAll((all) =>
      all
        .map((row) => ({
          row: Number(row.getAttribute("data-row")),
          seq: Number(row.id.slice("row-".length)),
          isRead: row.classList.contains("gap") || row.querySelector(".row-text")?.childNodes.length !== 0,
        }))
        .sort((a, b) => a.row - b.row),
    );
  const all = await until(rows, (found) => found.length > 20 && found.every(({ isRead }) => isRead), "rows");
  return { from: all[0]?.row ?? 0, seqs: all.map(({ seq }) => seq) };
}

/** Asserts that the drawn rows are those that `EXPECTED` has in their place. */
async function assertOrdered() {
  const { from, seqs } = await drawn();
  assert.deepEqual(seqs, EXPECTED.slice(from, from + seqs.length));
  assert.notDeepEqual(
    seqs,
    [...seqs].sort((a, b) => a - b),
    "some of these records came late",
  );
}

test("the newest records are in order of time", async () => {
  await assertOrdered();
});

test("a late record of the history that an address names is in its place by time", async () => {
  for (const at of [1_000, 3_000, 5_000]) {
    const late = ALL.findIndex(
      ({ line }, i) => i > at && i % LATE_EVERY === LATE_EVERY - 1 && !line.includes('"gap"'),
    );
    const seq = ALL[late]?.seq;
    await page.goto(`${store.url}/?session=${SESSION}&seq=${seq}`);
    await untilShown(page, COUNT);
    await page.locator(`#row-${seq}.selected`).waitFor();
    await assertOrdered();
    const below = EXPECTED[EXPECTED.indexOf(seq ?? 0) + 1];
    await page.keyboard.press("j");
    await page.locator(`#row-${below}.selected`).waitFor();
  }
});

/** `inFront` rows of the tail were put in front of its first ones. @param {number[]} head @param {number[]} tail */
function feedOf(head, tail, session = SESSION, inFront = 0) {
  const times = [...head, ...tail];
  return {
    query: { session, q: "" },
    firstRead: head.length + inFront,
    length: times.length,
    ts: (/** @type {number} */ row) => times[row] ?? 0,
  };
}

/** @param {{ length: number, feedRow: (i: number) => number }} rows */
const rowsIn = (rows) => Array.from({ length: rows.length }, (_, i) => rows.feedRow(i));

test("rows are sorted while head and tail grow, in a range and in a pause", () => {
  const order = new TimeOrder();
  assert.deepEqual(rowsIn(rowsOf(order, feedOf([], [30, 10, 40]), null, null)), [1, 0, 2]);
  const grown = feedOf([1, 3, 2], [30, 10, 40, 20]);
  assert.deepEqual(rowsIn(rowsOf(order, grown, null, null)), [0, 2, 1, 4, 6, 3, 5]);
  const ranged = rowsOf(order, grown, { from: 2, to: 20 }, null);
  assert.deepEqual(rowsIn(ranged), [2, 1, 4, 6]);
  assert.deepEqual([2, 1, 4, 6, 3, 0].map(ranged.viewRow), [0, 1, 2, 3, -1, -1]);
  const paused = rowsOf(order, grown, null, 2);
  assert.deepEqual(rowsIn(paused), [0, 2, 1, 4, 3]);
  assert.equal(paused.viewRow(6), -1);
  const more = feedOf([], [1, 3, 2, 30, 10, 40, 20], SESSION, 3);
  assert.deepEqual(rowsIn(rowsOf(order, more, null, 2)), [0, 2, 1, 4, 3], "as many of those that were there");
  assert.deepEqual(rowsIn(rowsOf(order, feedOf([2, 1], [], "all"), null, null)), [0, 1]);
});

test("after the clock was set back, rows continue in order of acceptance", () => {
  const before = Array.from({ length: 2_000 }, (_, i) => 1e6 + i);
  const later = Array.from({ length: 2_000 }, (_, i) => i);
  const rows = rowsOf(new TimeOrder(), feedOf(before, later), null, null);
  assert.deepEqual(
    rowsIn(rows),
    [...before, ...later].map((_, i) => i),
  );
});
