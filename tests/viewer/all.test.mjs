/** Every session as one list, in order of commit, in a store of several. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exported, filterBy, sharedViewer, shown, until, untilShown } from "./browser.mjs";
import { Store } from "./collector.mjs";
import { sessionId, take } from "./tape.mjs";

const EACH = 4_000;
const LOT = 500;
const NOW = Date.now() * 1000;
const SESSIONS = [1, 2, 3].map(sessionId);
const TAPES = SESSIONS.map((session, i) =>
  take({ session, seed: i + 1, startTs: NOW - 3_600e6 + i * 60e6 }, EACH + LOT),
);
/** The delivered records, in order of commit. @type {import("./tape.mjs").TapeRecord[]} */
const committed = [];

const { store, view } = await sharedViewer(Store.start());
for (let from = 0; from < EACH; from += LOT) for (const i of SESSIONS.keys()) await deliver(i, from);
const page = await view("?session=all");

/** The next lot of one session. @param {number} session @param {number} from */
async function deliver(session, from) {
  const lot = TAPES[session]?.slice(from, from + LOT) ?? [];
  await store.deliver(SESSIONS[session] ?? "", lot);
  committed.push(...lot);
}

const everything = () => untilShown(page, committed.length);

/** Ids of the rows in view are positions. */
const positions = async () =>
  (await page.locator(".row").evaluateAll((rows) => rows.map((row) => Number(row.id.slice(4))))).sort(
    (a, b) => a - b,
  );

test("every record of all sessions is listed once, in order of commit", async () => {
  await everything();
  // Every record is a row.
  await page.keyboard.press("f");
  assert.match(await page.locator(".session-button").innerText(), /All sessions/);
  const newest = await positions();
  assert.deepEqual(
    newest,
    newest.map((_, i) => committed.length - newest.length + 1 + i),
  );
  // The first records of the middle: read again from their positions.
  await page.locator(".list-scroll").evaluate((element) => {
    element.scrollTop = element.scrollHeight / 2;
  });
  await until(
    positions,
    ([first = 0]) => first > 1_000 && first < committed.length - 1_000,
    "positions of rows in the middle",
  );
  await until(
    () => page.locator(".row:not(.gap) .row-text").allInnerTexts(),
    (all) => all.length > 10 && all.every((text) => text !== ""),
    "rows with their texts",
  );
});

test("new records of any session are followed", async () => {
  await page.keyboard.press("G");
  for (const i of [1, 0]) await deliver(i, EACH);
  await everything();
  await page.locator(`#row-${committed.length}`).waitFor();
});

test("a record shows the earlier records of its own session", async () => {
  const wanted = committed.findIndex(({ line }) => line.includes('"type":"console.exception"'));
  const { seq, line } = /** @type {import("./tape.mjs").TapeRecord} */ (committed[wanted]);
  const { capture_session_id: session } = JSON.parse(line);
  await filterBy(page, `type:console.exception session:${session}`);
  await until(
    () => shown(page),
    (n) => n > 0 && n < 1_000,
    "records",
  );
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  await page.locator(`#row-${wanted + 1}.selected`).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "JSON" }).click();
  await page.locator(".pane", { hasText: session }).waitFor();
  assert.match(await page.locator(".pane-body").innerText(), new RegExp(`seq\\W+${seq}\\b`));
  await page.getByRole("tab", { name: "Before this" }).click();
  await page.locator(".led-row.here").waitFor();
  await page.keyboard.press("Escape");
});

test("an export of all sessions contains every line in order of commit", async () => {
  await filterBy(page, "");
  await everything();
  const { text } = await exported(page, /^NDJSON/);
  assert.equal(text, committed.map(({ line }) => `${line}\n`).join(""));
});
