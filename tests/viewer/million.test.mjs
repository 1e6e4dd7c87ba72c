/** A session of a million records: opened, searched and walked end to end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filterBy, open, sharedViewer, until, untilShown } from "./browser.mjs";
import { COUNT, millionStore, NEEDLE, SESSION } from "./million.mjs";

const { browser, store, view } = await sharedViewer(millionStore());
const page = await view();

/** The texts in view, once every one of them has been read. */
async function texts() {
  return until(
    () => page.locator(".row:not(.gap) .row-text").allInnerTexts(),
    (all) => all.length > 20 && all.every((text) => text.startsWith("record ")),
    "rows with their texts",
    30_000,
  );
}

test("the newest records are requested before it is known which session they are of", async () => {
  const { page: other, close } = await open(browser, "about:blank");
  const ahead = other.waitForRequest(/\/v1\/events\?.*session=newest/);
  await other.route("**/v1/sessions", async (route) => {
    await ahead;
    await route.continue();
  });
  /** @type {string[]} */
  const read = [];
  other.on("request", (request) => read.push(new URL(request.url()).search));
  await other.goto(await store.link());
  await other.locator(`#row-${COUNT}`).waitFor();
  // Its lines are not read twice.
  assert.ok(!read.some((search) => search.includes(`session=${SESSION}`) && search.includes("limit=2000&")));
  await close();
});

test("while the collector takes long to answer, the viewer is there, and it shows the rows once they come", async () => {
  const { page: other, close } = await open(browser, "about:blank");
  let release = () => {};
  const held = new Promise((resolve) => {
    release = () => resolve(null);
  });
  for (const path of ["**/v1/sessions", "**/v1/events?*"])
    await other.route(path, async (route) => {
      await held;
      await route.continue().catch(() => {});
    });
  await other.goto(await store.link());
  await other.getByRole("combobox", { name: "Filter events" }).waitFor();
  assert.equal(await other.locator(".row").count(), 0);
  release();
  await other.locator(".row").first().waitFor();
  await close();
});

test("the newest records appear before the history has been read", async () => {
  await page.locator(`#row-${COUNT}`).waitFor();
  await untilShown(page, COUNT, "records", 120_000);
  // The list says where folding ends: older records are listed before their contents are read.
  await page.getByText(/^folded since \d/).waitFor();
});

test("the oldest, the newest and those between are the stored ones", async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  await page.locator("#row-1.selected").waitFor();
  assert.equal((await texts())[0], "record 1");
  await page.keyboard.press("G");
  await page.locator(`#row-${COUNT}.selected`).waitFor();
  assert.equal((await texts()).at(-1), `record ${COUNT}`);
  for (const part of [0.2, 0.5, 0.9]) {
    await page.locator(".list-scroll").evaluate((element, at) => {
      element.scrollTop = (element.scrollHeight - element.clientHeight) * at;
    }, part);
    await until(
      async () => Number((await texts())[0]?.split(" ")[1]),
      (seq) => Math.abs(seq - COUNT * part) < COUNT / 100,
      `rows at ${part}`,
    );
    const seqs = (await texts()).map((text) => Number(text.split(" ")[1]));
    assert.ok(
      seqs.every((seq, i) => i === 0 || seq > (seqs[i - 1] ?? 0)),
      "in order of seq",
    );
  }
});

test("a wheel moves row by row, far inside a list that is taller than a browser allows", async () => {
  const list = page.locator(".list-scroll");
  await list.evaluate((element) => {
    element.scrollTop = (element.scrollHeight - element.clientHeight) / 2;
  });
  const first = async () => Number((await texts())[0]?.split(" ")[1]);
  await until(first, (seq) => Math.abs(seq - COUNT / 2) < COUNT / 100, "rows of the middle");
  // The scroll bar is put right once the list has come to rest.
  await page.waitForTimeout(400);
  const before = await first();
  await list.hover();
  await page.mouse.wheel(0, 240);
  await until(first, (seq) => seq === before + 10, `the first row to be ${before + 10}`);
});

test("one record among a million is found, and errors are counted", async () => {
  await filterBy(page, "needle");
  await page.locator(`#row-${NEEDLE}`).waitFor({ timeout: 60_000 });
  await page.locator(`#row-${NEEDLE}`).click();
  await page.getByText(`record ${NEEDLE} holds a needle`).last().waitFor();
  await page.getByRole("button", { name: /^Errors/ }).click();
  await filterBy(page, "severity:error");
  // Gaps have no severity: none of them is in the answer.
  await untilShown(page, 1_000, "records", 60_000);
});
