/** Sessions, comparison, export, empty states, keyboard, accessibility. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { violations } from "./axe.mjs";
import { exported, open, sharedViewer, until, untilShown } from "./browser.mjs";
import { Store } from "./collector.mjs";
import { millionStore } from "./million.mjs";
import { recordOf, sessionId, take } from "./tape.mjs";

const { har: validate } = createRequire(import.meta.url)("har-validator");

const NOW = Date.now() * 1000;
const SESSION = sessionId(1);
const OTHER = sessionId(2);
const ALL = take({ session: SESSION, previous: OTHER, startTs: NOW - 600e6 }, 2_500);

const { store, browser, view } = await sharedViewer(millionStore());
await store.deliver(OTHER, other());
await store.deliver(SESSION, ALL);
const page = await view(`?session=${SESSION}`);
await loaded();

/** A quieter session with one failure that the first one does not have. */
function other() {
  const records = take({ session: OTHER, seed: 5, startTs: NOW - 3_600e6, gapEvery: 0 }, 400);
  const source = { kind: "extension", event: "console.error", metadata: { tab_id: "3" } };
  const event = {
    ts: NOW - 3_500e6,
    type: "console.error",
    category: "console",
    detail_level: "standard",
    source,
    data: { text: "Payment 4711 was declined" },
  };
  return [...records, recordOf(OTHER, records.length + 1, event)];
}

function loaded(count = ALL.length) {
  return untilShown(page, count);
}

/** @param {import("playwright-core").Page} at @param {string} other */
function compareWith(at, other) {
  return at
    .getByRole("listitem")
    .filter({ hasText: other })
    .getByRole("button", { name: /^Compare with/ })
    .click();
}

/** @param {string} search */
async function go(search) {
  await page.goto(`${store.url}/${search}`);
}

test("the session picker opens another session, and the back button returns", async () => {
  await page.getByRole("button", { name: /^Session:/ }).click();
  const list = page.getByRole("dialog", { name: "Choose a session" });
  assert.equal(await list.locator(".session-open").count(), 4, "three, and all as one");
  assert.match(await list.innerText(), /401 events/);
  await until(
    () => list.locator(".session-name").allInnerTexts(),
    (names) => names.filter((name) => /y \d\d:\d\d, shop\.test:5173, [\d,]+ errors$/.test(name)).length === 2,
    "sessions named by time, site and errors",
  );
  await list
    .getByText(/\d+\.\d s not recorded/)
    .first()
    .waitFor();
  await list.locator(".session-open", { hasText: "401 events" }).click();
  await loaded(401);
  await page.getByRole("button", { name: /^Session: \w+ \d\d:\d\d, shop\.test:5173, \d+ errors?/ }).waitFor();
  await page.screenshot({ path: dist("test", "session-name.png") });
  await page.goBack();
  await loaded();
});

test("comparing two sessions shows the failures of only one, and opens them", async () => {
  await page.getByRole("button", { name: /^Session:/ }).click();
  await compareWith(page, "401 events");
  const compare = page.getByRole("main", { name: "Comparison of two sessions" });
  const row = compare.getByRole("row", { name: /Payment 4711 was declined/ });
  await row.waitFor();
  assert.match(await row.innerText(), /0\s+1\s+only in B/);
  assert.match(
    await compare
      .getByRole("row", { name: /shop\.test:5173\/api\/cart/ })
      .first()
      .innerText(),
    /ms|s/,
  );
  await row.getByRole("button").click();
  await page.locator(".pane .message", { hasText: "Payment 4711" }).waitFor();
  await go(`?session=${SESSION}`);
  await loaded();
});

test("an export contains the stored lines byte for byte", async () => {
  const { name, text } = await exported(page, /^NDJSON/);
  assert.equal(text, ALL.map(({ line }) => `${line}\n`).join(""));
  assert.match(name, /^tabtape-.*\.ndjson$/);
});

test("a HAR is valid and equals the collector's own export", async () => {
  const { log } = JSON.parse((await exported(page, /^HAR/)).text);
  const theirs = JSON.parse(await store.export("--format", "har", "--session", SESSION)).log;
  await validate({ log });
  assert.ok(log.entries.length > 100);
  assert.deepEqual(log, theirs);
});

test("an export of a filter contains the filtered records", async () => {
  await go(`?session=${SESSION}&q=severity:error`);
  await page.waitForSelector(".row");
  const lines = (await exported(page, /^Text/)).text.trimEnd().split("\n");
  assert.ok(lines.length > 20);
  assert.ok(
    lines.every((line) => / ERROR |records missing/.test(line)),
    lines[0],
  );
});

test("a filter without matches shows how many events were searched", async () => {
  await go(`?session=${SESSION}&q=nobodywrotethis`);
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  const events = ALL.filter(({ line }) => line.includes('"event"')).length;
  assert.ok((await page.locator(".empty").innerText()).includes(events.toLocaleString("en-US")));
  await page.getByRole("button", { name: "Clear the filter" }).last().click();
  await loaded();
});

test("an empty time range says whether it was recorded", async () => {
  const stretch = ALL.map(({ line }) => JSON.parse(line)).find((r) => r.event?.data?.unwatched)?.event.data
    .unwatched;
  assert.ok(stretch, "the tape has a stretch that was not recorded");
  await go(`?session=${SESSION}&q=type:system.mark&from=${stretch.from_ts}&to=${stretch.from_ts + 1}`);
  await page.getByRole("heading", { name: "Nothing in this time range" }).waitFor();
  await until(
    () => page.locator(".empty").innerText(),
    (text) => text.includes("Tabtape was not watching"),
    "the empty state",
  );
  const quiet = stretch.from_ts - 5e6;
  await go(`?session=${SESSION}&q=type:system.mark&from=${quiet}&to=${quiet + 1}`);
  await until(
    () => page.locator(".empty").innerText(),
    (text) => text.includes("Tabtape was watching"),
    "the empty state",
  );
});

test("the time between two sessions and a category that was off are shown as not recorded", async () => {
  const night = NOW - 2_000e6; // the other session is over, this one has not begun
  // The answer comes from an index, without the list of a million records.
  await page.route("**/v1/headers*", () => {});
  await go(`?session=all&q=category:console&from=${night}&to=${night + 60e6}`);
  await page.getByRole("heading", { name: "Nothing in this time range" }).waitFor();
  await until(
    () => page.locator(".empty").innerText(),
    (text) => text.includes("Tabtape was not watching for console at this time"),
    "the empty state",
  );
  await page.unroute("**/v1/headers*");
  await page.locator(".coverage .coverage-unwatched").first().waitFor({ state: "attached" });
  await go(`?session=${SESSION}&q=category:payment`);
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  await until(
    () => page.locator(".empty").innerText(),
    (text) => text.includes("Tabtape was not watching for payment"),
    "the empty state",
  );
});

test("the coverage strip marks gaps, restarts and times that were not recorded", async () => {
  await go(`?session=${SESSION}`);
  await loaded();
  const strip = page.locator(".coverage");
  for (const mark of [".coverage-watched", ".coverage-gap", ".coverage-restart", ".coverage-unwatched"]) {
    await strip.locator(mark).first().waitFor({ state: "attached" });
  }
  assert.match(
    await strip.locator(".coverage-gap title").first().textContent().then(String),
    /network records missing near/,
  );
  const restarts = ALL.filter(({ line }) => line.includes("system.worker_started")).length;
  assert.match(
    String(await strip.getAttribute("aria-label")),
    new RegExp(`not recorded for \\d.*records are missing; .*started ${restarts} times`),
  );
});

test("history that is still being read does not count as new after an addressed record", async () => {
  await go(`?session=${SESSION}&seq=10`);
  await loaded();
  await page.locator("#row-10.selected").waitFor();
  assert.equal(await page.locator(".latest").innerText(), "Latest");
});

test("rows are shown, and what is missing, if the other parts of the page cannot be loaded", async () => {
  const context = await browser.newContext();
  const other = await context.newPage();
  await other.route("**/parts-*.js", (route) => route.abort());
  await other.goto(await store.link(`?session=${SESSION}`));
  await other.getByRole("alert").filter({ hasText: "could not be loaded" }).first().waitFor();
  await other.locator(".row").first().waitFor();
  await other.unroute("**/parts-*.js");
  await other.reload();
  await other.locator(".timeline canvas").waitFor();
  assert.equal(await other.getByRole("alert").filter({ hasText: "could not be loaded" }).count(), 0);
  await context.close();
});

test("a store without sessions shows how to record one", async () => {
  const empty = await Store.start();
  const first = await open(browser, await empty.link());
  await first.page.getByRole("heading", { name: "Nothing recorded yet" }).waitFor();
  await empty.deliver(SESSION, ALL.slice(0, 10));
  await first.page.waitForSelector(".row");
  await first.close();
  await empty.stop();
});

test("the keyboard alone reaches everything", async () => {
  await go(`?session=${SESSION}`);
  await loaded();
  const selected = async () => Number((await page.locator(".row.selected").getAttribute("id"))?.slice(4));
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  assert.equal(await until(selected, (seq) => seq === 1, "the selection"), 1);
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await until(selected, (seq) => seq === 2, "the selection");
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: "Details" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("complementary", { name: "Details" }).waitFor({ state: "detached" });
  await page.keyboard.press("e");
  await page.locator(".row.selected.s-error").waitFor();
  await page.keyboard.press("G");
  await until(selected, (seq) => seq === ALL.at(-1)?.seq, "the selection");
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys and filters" });
  await help.waitFor();
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  await page.keyboard.type("severity:error");
  await page.keyboard.press("Enter");
  await until(
    async () => page.url(),
    (url) => url.includes("severity"),
    "the address",
  );
  await page.keyboard.press("s");
  const picker = page.getByRole("dialog", { name: "Choose a session" });
  await picker.waitFor();
  await page.keyboard.press("Escape");
  await picker.waitFor({ state: "detached" });
  const theme = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await theme();
  await page.keyboard.press("t");
  assert.notEqual(await theme(), light);
  await page.keyboard.press("t");
});

test("a key moves the list also while the event of the list's own scrolling is still to come", async () => {
  await go(`?session=${SESSION}`);
  await loaded();
  await page.evaluate(() => {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "e", bubbles: true }));
    document.querySelector(".list-scroll")?.dispatchEvent(new Event("scroll"));
  });
  await page.locator(".row.selected.s-error").waitFor();
});

test("a screen reader gets the row, its severity and the changes", async () => {
  await go(`?session=${SESSION}`);
  await loaded();
  await page.keyboard.press("e");
  await page.locator(".row.selected.s-error").waitFor();
  const list = page.getByRole("listbox", { name: /events|records/i });
  const active = await list.getAttribute("aria-activedescendant");
  const row = page.locator(`#${active}`);
  assert.equal(await row.getAttribute("aria-selected"), "true");
  assert.equal(await row.locator(".sr").textContent(), "error ");
  await page.keyboard.press("l");
  await page
    .getByRole("status")
    .filter({ hasText: /Link copied|does not allow copying/ })
    .waitFor();
});

test("with reduced motion nothing moves, and the focus is visible", async () => {
  const calm = await open(browser, await store.link(`?session=${SESSION}`), { reducedMotion: "reduce" });
  await calm.page.locator(".row").first().waitFor();
  const moving = () =>
    calm.page.evaluate(
      () => document.getAnimations().filter(({ playState }) => playState === "running").length,
    );
  assert.equal(await moving(), 0);
  await calm.page.emulateMedia({ reducedMotion: "no-preference" });
  await until(moving, (n) => n > 0, "animations");
  await calm.page.keyboard.press("Tab");
  const outline = await calm.page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(/** @type {Element} */ (document.activeElement));
    return `${outlineStyle} ${outlineWidth}`;
  });
  assert.doesNotMatch(outline, /none|^\S+ 0px/);
  await calm.close();
});

for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds no serious violation, ${colorScheme}`, async () => {
    const at = await open(browser, await store.link(`?session=${SESSION}`), { colorScheme });
    const states = {
      list: async () => {},
      details: async () => {
        await at.page.keyboard.press("E");
        await at.page.keyboard.press("Enter");
        await at.page.locator(".pane .part").first().waitFor();
      },
      "what led here": async () => {
        await at.page.getByRole("tab", { name: "Before this" }).click();
        await at.page.locator(".led-row").first().waitFor();
      },
      json: () => at.page.getByRole("tab", { name: "JSON" }).click(),
      sessions: () => at.page.getByRole("button", { name: /^Session:/ }).click(),
      comparison: async () => {
        await compareWith(at.page, "401 events");
        await at.page.locator(".compare-part").first().waitFor();
      },
      help: async () => {
        await at.page.getByRole("button", { name: "Close" }).click();
        await at.page.keyboard.press("?");
        await at.page.getByRole("dialog", { name: "Keys and filters" }).waitFor();
      },
      export: async () => {
        await at.page.keyboard.press("Escape");
        await at.page.getByRole("button", { name: "Export" }).click();
        await at.page.getByRole("button", { name: "NDJSON" }).first().waitFor();
      },
      empty: async () => {
        await at.page.goto(`${store.url}/?session=${SESSION}&q=nobodywrotethis`);
        await at.page.locator(".empty").waitFor();
      },
      completions: async () => {
        await at.page.getByRole("combobox").fill("cat");
        await at.page.getByRole("option").first().waitFor();
      },
    };
    await untilShown(at.page, ALL.length);
    for (const [name, enter] of Object.entries(states)) {
      await enter();
      assert.deepEqual(await violations(at.page), [], name);
    }
    await at.close();
  });
}
