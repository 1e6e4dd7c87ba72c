/** The filter bar, its completion, the address, severity and the time range. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filterBy, rows, sharedViewer, shown, until, untilShown } from "./browser.mjs";
import { millionStore } from "./million.mjs";
import { sessionId, take } from "./tape.mjs";

const SESSION = sessionId(1);
const ALL = take({ session: SESSION, startTs: (Date.now() - 600_000) * 1000 }, 3_000);

const { store, view } = await sharedViewer(millionStore());
await store.deliver(SESSION, ALL);
const page = await view();
await untilShown(page, ALL.length);

/** Returns the number of records that the collector finds. @param {string} q */
async function stored(q) {
  const query = new URLSearchParams({ q, session: SESSION, format: "ndjson" });
  const text = await (await store.fetch(`/v1/events?${query}`)).text();
  return text.split("\n").length - 1;
}

const filter = (/** @type {string} */ q) => filterBy(page, q);
const untilAll = () => untilShown(page, ALL.length);

for (const q of [
  "severity:debug",
  "severity:info",
  "severity:warn",
  "severity:error",
  "category:console,network -type:*.debug",
  "status:400..599",
  "tab:12",
  "renderCart items",
  '"Could not load"',
]) {
  test(`the list contains the records that the collector finds for ${q}`, async () => {
    await filter(q);
    const expected = await stored(q);
    assert.ok(expected > 0, "the tape has something to find");
    await untilShown(page, expected);
    assert.equal(new URL(page.url()).searchParams.get("q"), q);
  });
}

test("chips filter by severity and category, and show how many events they count", async () => {
  await filter("");
  const count = (/** @type {number} */ n) => untilShown(page, n);
  const chip = (/** @type {RegExp} */ name) =>
    page.getByRole("toolbar", { name: "Quick filters" }).getByRole("button", { name });
  const events = ALL.map(({ line }) => JSON.parse(line).event).filter((event) => event !== undefined);
  const clicks = events.filter((event) => event.category === "interaction").length;
  assert.ok((await chip(/^interaction/).innerText()).includes(String(clicks)));
  const warnings = await stored("severity:warn -severity:error");
  const gaps = ALL.filter(({ line }) => JSON.parse(line).gap !== undefined).length;
  assert.equal(
    await chip(/^Warnings/)
      .locator(".chip-count")
      .getAttribute("title"),
    String(warnings - gaps),
  );
  await chip(/^Warnings/).click();
  await count(warnings);
  assert.equal(await chip(/^Warnings/).getAttribute("aria-pressed"), "true");
  assert.equal(await chip(/^Errors/).getAttribute("aria-pressed"), "false");
  await chip(/^Errors/).click();
  await count(await stored("severity:warn"));
  assert.equal(new URL(page.url()).searchParams.get("q"), "severity:warn");
  await chip(/^console/).click();
  await count(await stored("category:console severity:warn"));
  await chip(/^network/).click();
  await count(await stored("category:console,network severity:warn"));
  await chip(/^console/).click();
  await chip(/^Warnings/).click();
  await count(await stored("category:network severity:error"));
  await chip(/^Errors/).click();
  await count(await stored("category:network"));
  assert.equal(new URL(page.url()).searchParams.get("q"), "category:network");
  await chip(/^network/).click();
  await count(ALL.length);
});

test("severity on screen is the collector's", async () => {
  await filter("");
  await untilAll();
  const chip = page.getByRole("button", { name: /^Errors/ });
  await chip.click();
  const expected = await stored("severity:error");
  await untilShown(page, expected);
  const classes = await page.locator(".row:not(.gap)").evaluateAll((all) => all.map((row) => row.className));
  assert.ok(classes.length > 10 && classes.every((name) => name.includes("s-error")), classes.join());
  await chip.click();
});

test("a word that is searched for is marked in the rows", async () => {
  await filter("deprecated");
  await page.locator(".row mark").first().waitFor();
  assert.equal((await page.locator(".row mark").first().innerText()).toLowerCase(), "deprecated");
});

test("a filter with an error shows the Selector's message", async () => {
  await filter("severity:loud");
  await page.getByRole("alert").waitFor();
  assert.match(
    await page.getByRole("alert").innerText(),
    /`severity` does not take "loud"; expected debug, info, warn, error/,
  );
  await filter("");
  await untilAll();
});

test("completion offers keys, then values of the session", async () => {
  const field = page.getByRole("combobox", { name: "Filter events" });
  await field.fill("");
  await field.pressSequentially("cat");
  await page.getByRole("option", { name: /^category:/ }).waitFor();
  await field.press("ArrowDown");
  await field.press("Enter");
  await until(
    () => field.inputValue(),
    (text) => text === "category:",
    "the field",
  );
  await field.pressSequentially("inter");
  await field.press("ArrowDown");
  await field.press("Tab");
  await until(
    () => field.inputValue(),
    (text) => text === "category:interaction ",
    "the field",
  );
  const expected = await stored("category:interaction");
  await untilShown(page, expected);
});

test("completions and the list stay while a value is being typed", async () => {
  await filter("");
  await untilAll();
  const field = page.getByRole("combobox", { name: "Filter events" });
  const completions = page.getByRole("listbox", { name: "Completions" });
  // A pause while the key is typed would apply it as a word.
  await field.fill("severity:");
  await field.press("w");
  await completions.getByRole("option", { name: "warn" }).waitFor();
  // Longer than the pause after which the bar applies a finished filter.
  const applied = page.waitForRequest((request) => request.url().includes("severity%3Aw"), {
    timeout: 1_000,
  });
  await assert.rejects(applied, /Timeout/);
  assert.ok(await completions.getByRole("option", { name: "warn" }).isVisible());
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await shown(page), ALL.length);
  await field.press("ArrowDown");
  await field.press("Enter");
  const expected = await stored("severity:warn");
  await untilShown(page, expected);
  await filter("");
});

test("a host with its port is a word, and the error of an unknown key says what to type", async () => {
  await filter("localhost:3000");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await page.locator(".filter-back .term").count(), 0);
  await filter("zebra:7");
  await page.getByRole("alert").waitFor();
  assert.match(
    await page.getByRole("alert").innerText(),
    /^unknown key `zebra`; expected one of .*To search for the text, type "zebra:7"$/,
  );
  await filter('"zebra:7"');
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  await filter("");
});

test("the list keeps its text next to the widest details, also in a narrower window", async () => {
  await page.locator(".row:not(.gap)").first().click();
  const splitter = page.getByRole("separator", { name: "Width of the details" });
  await splitter.focus();
  const widest = async () => Number(await splitter.getAttribute("aria-valuemax"));
  await until(
    async () => {
      await page.keyboard.press("ArrowLeft");
      return Number(await splitter.getAttribute("aria-valuenow"));
    },
    (now) => now > 800,
    "width of the details",
  );
  for (const width of [1280, 900, 780]) {
    await page.setViewportSize({ width, height: 800 });
    await until(
      async () => Number(await splitter.getAttribute("aria-valuenow")) - (await widest()),
      (over) => over <= 0,
      "details beyond the most",
    );
    await until(
      () =>
        page.locator(".row:not(.gap) .row-text").evaluateAll((all) =>
          all.map((text) => {
            const list = text.closest(".list")?.getBoundingClientRect();
            const { left, right } = text.getBoundingClientRect();
            return Math.min(right, list?.right ?? 0) - left;
          }),
        ),
      (texts) => texts.length > 5 && texts.every((px) => px >= 115),
      `widths of texts at ${width}`,
    );
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.keyboard.press("Escape");
});

test("the address brings filter, range and record back", async () => {
  await filter("category:console severity:error");
  const expected = await stored("category:console severity:error");
  await untilShown(page, expected);
  await page.locator(".row").nth(2).click();
  await page.getByRole("complementary", { name: "Details" }).waitFor();
  const title = await page.locator(".pane-title").innerText();
  const seq = await until(
    async () => new URL(page.url()).searchParams.get("seq"),
    (s) => s !== null,
    "the address",
  );
  await page.reload();
  await page.locator(`#row-${seq}.selected`).waitFor();
  assert.equal(await page.locator(".pane-title").innerText(), title);
  assert.equal(
    await page.getByRole("combobox", { name: "Filter events" }).inputValue(),
    "category:console severity:error",
  );
  await page.goBack();
});

test("a brush on the timeline leaves the rows of its range", async () => {
  await page.goto(`${store.url}/?session=${SESSION}`);
  await untilAll();
  // It is drawn after the list, and has no box before.
  const timeline = page.locator(".timeline .u-over");
  const plot = /** @type {{ x: number, y: number, width: number }} */ (
    await until(
      () => timeline.boundingBox(),
      (box) => box !== null,
      "the timeline's plot",
    )
  );
  await page.mouse.move(plot.x + plot.width * 0.4, plot.y + 20);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 20, { steps: 5 });
  // The plot is to be drawn again, as for each event that comes, but not before the button is released.
  const size = /** @type {{ width: number, height: number }} */ (page.viewportSize());
  await page.setViewportSize({ ...size, width: size.width - 40 });
  await page.waitForTimeout(600);
  await page.mouse.up();
  await page.setViewportSize(size);
  await until(
    () => shown(page),
    (n) => n < ALL.length,
    "records",
  );
  const { searchParams } = new URL(
    await until(
      async () => page.url(),
      (url) => url.includes("from="),
      "the address",
    ),
  );
  const narrowed = await shown(page);
  assert.ok(narrowed > 0);
  const expected = await stored(`since:${searchParams.get("from")} until:${searchParams.get("to")}`);
  // Gaps have no time: the viewer gives them that of the record before, the Selector cannot.
  const gaps = (await rows(page)).filter((text) => text.includes("missing")).length;
  assert.ok(Math.abs(narrowed - expected) <= Math.max(gaps, ALL.length / 900), `${narrowed} and ${expected}`);
  await page.getByRole("button", { name: "Clear the time range" }).click();
  await untilAll();
});

test("the timeline is drawn again while a menu is open over it, and after a release that it missed", async () => {
  const timeline = page.locator(".timeline .u-over");
  const size = /** @type {{ width: number, height: number }} */ (page.viewportSize());
  const width = async () => (await timeline.boundingBox())?.width ?? 0;
  const full = await width();
  /** @type {("left" | "right")[]} */
  const buttons = ["right", "left"];
  for (const button of buttons) {
    await timeline.hover();
    await page.mouse.down({ button });
    // As if another window had been clicked meanwhile.
    if (button === "left") await page.evaluate(() => dispatchEvent(new Event("blur")));
    await page.setViewportSize({ ...size, width: size.width - 40 });
    await until(width, (now) => now === full - 40, `the width after a press of the ${button} button`);
    await page.mouse.up({ button });
    await page.setViewportSize(size);
    await until(width, (now) => now === full, "the full width");
  }
});

test("the time range is chosen by the keyboard, too", async () => {
  await page.getByRole("slider", { name: /^Event rate/ }).focus();
  await page.keyboard.press("ArrowLeft");
  await until(
    () => shown(page),
    (n) => n < ALL.length,
    "records",
  );
  await page.keyboard.press("Escape");
  await untilAll();
});
