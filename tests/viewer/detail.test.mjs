/** The details of each kind of record, and captured text that must stay text. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { violations } from "./axe.mjs";
import { downloaded, filterBy, sharedViewer, until } from "./browser.mjs";
import { millionStore } from "./million.mjs";
import { recordOf, sessionId, take } from "./tape.mjs";

const SESSION = sessionId(1);
const START = (Date.now() - 600_000) * 1000;
const ALL = take({ session: SESSION, startTs: START }, 2_000);
const HOSTILE = sessionId(2);
/** The one hostile string that goes through every sink, here and in the collector's tests. */
const MARKUP = JSON.parse(readFileSync(new URL("../fixtures/hostile.json", import.meta.url), "utf8"));
const OTHERS = sessionId(3);

const { store, browser, view } = await sharedViewer(millionStore());
await store.deliver(SESSION, ALL);
await store.deliver(HOSTILE, hostile());
await store.deliver(OTHERS, others());
const page = await view(`?session=${SESSION}`, {
  permissions: ["clipboard-read", "clipboard-write"],
});
await page.waitForSelector(".row");

/** @param {(record: any) => boolean} matches */
function find(matches) {
  const found = ALL.map(({ line }) => JSON.parse(line)).find(matches);
  assert.ok(found, "the tape has such a record");
  return found;
}

/** @param {(event: any) => boolean} matches */
const event = (matches) => find((record) => record.event !== undefined && matches(record.event));

/** @param {string} session @param {number} seq */
async function show(session, seq) {
  await page.goto(`${store.url}/?session=${session}&seq=${seq}`);
  await page.locator(".row.selected").waitFor();
  await page.locator(".pane .part").first().waitFor();
  return page.locator(".pane");
}

const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

test("an uncaught error shows its message and a stack with its places", async () => {
  const record = event((e) => e.type === "console.exception");
  const pane = await show(SESSION, record.seq);
  assert.match(await pane.locator(".message").innerText(), /Cannot read properties of undefined/);
  assert.deepEqual(await pane.locator(".stack-place").allInnerTexts(), [
    "cart.ts:48:23",
    "store.ts:112:9",
    "main.ts:31:5",
    "index.js:1:2231",
  ]);
  assert.equal(
    await pane
      .locator(".stack-library")
      .innerText()
      .then((text) => text.split("\n")[0]),
    "dispatch",
  );
  await pane.getByRole("button", { name: "Raw" }).click();
  assert.ok((await pane.locator("pre").allInnerTexts()).includes(record.event.data.error.stack));
});

test("a source map from this computer gives the stack the places in the source", async () => {
  const record = event((e) => e.type === "console.exception");
  const pane = await show(SESSION, record.seq);
  // Line 48, column 23 of cart.ts came from line 2, column 5 of lib/cart-view.ts: `;` for 47 empty lines, then
  // [22, 0, 1, 4, 0] in base 64 VLQ.
  const map = {
    version: 3,
    file: "cart.ts",
    sources: ["lib/cart-view.ts"],
    names: ["renderCartView"],
    mappings: `${";".repeat(47)}sBACIA`,
  };
  await pane.locator('input[type="file"]').setInputFiles({
    name: "cart.ts.map",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(map)),
  });
  await until(
    () => pane.locator(".stack-place").first().innerText(),
    (text) => text === "lib/cart-view.ts:2:5",
    "the first place",
  );
  assert.equal(await pane.locator(".stack-name").first().innerText(), "renderCartView");
  await pane
    .locator('input[type="file"]')
    .setInputFiles({ name: "no.map", mimeType: "application/json", buffer: Buffer.from("no map") });
  await page.getByText("no.map is not a source map").waitFor();
});

test("a value of a class opens to its properties", async () => {
  const pane = await show(SESSION, event((e) => e.type === "console.log").seq);
  assert.match(await pane.locator(".json").innerText(), /^Cart\n/);
  const lines = pane.getByRole("button", { name: /^lines/ });
  await pane.getByText('"A-100"').waitFor();
  await lines.click();
  await until(
    () => lines.innerText(),
    (text) => text === 'lines: [{sku: "A-100"}, {sku: "B-7"}]' || text.includes("…"),
    "the closed list",
  );
});

test("a response is shown with its request, its timing and its body", async () => {
  const record = event((e) => e.type === "network.response" && e.data.status === 500);
  const pane = await show(SESSION, record.seq);
  await pane.getByRole("heading", { name: /^Request headers/ }).waitFor();
  const text = await pane.innerText();
  assert.match(text, /\[redacted:7f3a91c2\]/);
  assert.match(text, /Response headers/);
  assert.match(text, /cache-control\s+no-store/);
  assert.equal(await pane.locator(".timing-row").count(), 2);
  assert.match(text, /waiting/);
  await pane.getByText("12.5").first().waitFor();
});

test("copy as curl quotes text that a shell would interpret", async () => {
  const pane = await show(HOSTILE, 2);
  await pane.getByRole("button", { name: "Copy as curl" }).click();
  await page.getByText("curl command copied").waitFor();
  // Nothing that a terminal would act on when it is pasted, and nothing that hides what it does.
  const calm = MARKUP.replace(/\p{Cc}|[\u202a-\u202e]/gu, (/** @type {string} */ c) =>
    c === "\n" ? c : " ",
  );
  assert.equal(
    await clipboard(),
    [
      "curl --url 'http://shop.test/$(rm -rf ~)?a='\\''b'\\''&`id`'",
      "--request 'POST'",
      "--header 'x-evil: '\\''; rm -rf / #'",
      `--data-raw '${calm.replaceAll("'", `'\\''`)}'`,
    ].join(" \\\n  "),
  );
});

test("a request is copied as fetch and as its HAR entry", async () => {
  const record = event((e) => e.type === "network.request" && e.data.method === "POST");
  const pane = await show(SESSION, record.seq);
  await pane.getByRole("heading", { name: /^Response headers/ }).waitFor();
  await pane.getByRole("button", { name: "Copy as fetch" }).click();
  await page.getByText("fetch call copied").waitFor();
  assert.deepEqual(await run(await clipboard()), [
    [record.event.url, { method: "POST", headers: record.event.data.headers, body: record.event.data.body }],
  ]);
  await pane.getByRole("button", { name: "Copy as HAR" }).click();
  await page.getByText("HAR entry copied").waitFor();
  const har = await store.export("--format", "har", "--session", SESSION);
  const started = new Date(Math.floor(record.event.ts / 1000)).toISOString();
  const stored = JSON.parse(har).log.entries.find(
    (/** @type {any} */ entry) => entry.startedDateTime === started && entry.request.url === record.event.url,
  );
  assert.deepEqual(JSON.parse(await clipboard()), stored);
});

test("copied as fetch, hostile text stays in its strings and no character is invisible", async () => {
  const pane = await show(HOSTILE, 2);
  await pane.getByRole("button", { name: "Copy as fetch" }).click();
  await page.getByText("fetch call copied").waitFor();
  const text = await clipboard();
  assert.doesNotMatch(text, /(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
  assert.deepEqual(await run(text), [
    [
      "http://shop.test/$(rm -rf ~)?a='b'&`id`",
      { method: "POST", headers: [["x-evil", "'; rm -rf / #"]], body: MARKUP },
    ],
  ]);
});

/** Runs a copied call with a `fetch` that records its arguments. @param {string} code @returns {Promise<unknown[]>} */
async function run(code) {
  /** @type {unknown[]} */
  const calls = [];
  const call = new Function("fetch", `return (async () => { ${code} })()`);
  await call((/** @type {unknown[]} */ ...args) => calls.push(args));
  return calls;
}

test("console.table is a table whose columns sort", async () => {
  const pane = await show(OTHERS, 3);
  const table = pane.getByRole("table");
  const cells = () =>
    table
      .locator("tr")
      .evaluateAll((all) =>
        all.map((row) => [.../** @type {HTMLTableRowElement} */ (row).cells].map((cell) => cell.textContent)),
      );
  assert.deepEqual(await cells(), [
    ["(index)", "name", "born", "Value"],
    ["0", "Ada", "1815", ""],
    ["1", "Grace", "1906", ""],
    ["2", "", "", "none"],
  ]);
  await table.getByRole("button", { name: "born" }).click();
  await table.getByRole("button", { name: "born" }).click();
  await until(
    async () => (await cells()).map(([index]) => index).join(),
    (order) => order === "(index),1,0,2",
    "rows by descending year",
  );
  assert.equal(await table.locator("th[aria-sort=descending]").textContent(), "born");
});

test("a vital is graded in words", async () => {
  const record = event((e) => e.type === "page.lcp" && e.data.value_ms > 2_500 && e.data.value_ms <= 4_000);
  const pane = await show(SESSION, record.seq);
  assert.match(await pane.innerText(), /Largest Contentful Paint[\s\S]*needs improvement/);
});

test("a navigation, a shift and a long frame are shown in words and units", async () => {
  const navigated = event((e) => e.type === "page.navigation_committed");
  let pane = await show(SESSION, navigated.seq);
  assert.match(await pane.innerText(), /page\.navigation_committed[\s\S]*Transition\s+link/);
  assert.ok((await pane.innerText()).includes(navigated.event.url));
  pane = await show(SESSION, event((e) => e.type === "page.layout_shift" && e.data.value > 0.25).seq);
  assert.match(await pane.innerText(), /Cumulative Layout Shift[\s\S]*0\.2\d\d poor/);
  pane = await show(SESSION, event((e) => e.type === "page.long_frame" && e.data.duration_ms > 200).seq);
  assert.match(await pane.innerText(), /Long animation frame[\s\S]*ms poor[\s\S]*BUTTON#pay\.onclick/);
});

test("an event without a view of its own is shown by its fields", async () => {
  let pane = await show(OTHERS, 1);
  assert.match(await pane.innerText(), /Interaction to Next Paint[\s\S]*350 ms needs improvement/);
  pane = await show(OTHERS, 2);
  assert.match(await pane.innerText(), /network\.websocket_received[\s\S]*hello from the other end/);
  pane = await show(OTHERS, 3);
  assert.match(await pane.innerText(), /console\.table[\s\S]*Ada[\s\S]*Grace/);
  await page.goto(`${store.url}/?session=${OTHERS}&seq=3&q=Grace`);
  await page.locator(".pane mark", { hasText: "Grace" }).first().waitFor();
});

test("the selected row stays in view when problems appear above the list", async () => {
  let answer = () => {};
  const asked = new Promise((resolve) => {
    answer = () => resolve(undefined);
  });
  await page.route("**/v1/diagnose*", async (route) => {
    await asked;
    await route.continue();
  });
  await page.goto(`${store.url}/?session=${SESSION}&seq=30`);
  const row = page.locator("#row-30.selected");
  await row.waitFor();
  answer();
  await page.locator(".problems").waitFor();
  await until(
    async () => {
      const [list, selected] = [await page.locator(".list-scroll").boundingBox(), await row.boundingBox()];
      return selected !== null && list !== null && selected.y + selected.height - list.y - list.height;
    },
    (beyond) => beyond !== false && beyond < 1,
    "the row beyond the end of the list",
  );
  await page.unroute("**/v1/diagnose*");
});

test("an interaction shows its action and its element", async () => {
  const pane = await show(SESSION, event((e) => e.type === "input.key").seq);
  assert.match(await pane.innerText(), /Pressed[\s\S]*input#email[\s\S]*char/);
});

test("a gap shows the number of missing records and the reason", async () => {
  const { gap } = find((record) => record.gap !== undefined);
  const pane = await show(SESSION, gap.first_seq);
  const count = gap.last_seq - gap.first_seq + 1;
  assert.match(
    await pane.innerText(),
    new RegExp(`${count} network records? (is|are) missing here: the page produced more`),
  );
  assert.match(await page.locator(`#row-${gap.first_seq}`).innerText(), new RegExp(`^${count} network`));
});

test("the records before the selected one are those of its tab in causal order, newest first", async () => {
  const record = event((e) => e.type === "console.exception" && e.ts > START + 20e6);
  const pane = await show(SESSION, record.seq);
  await pane.getByRole("tab", { name: "Before this" }).click();
  await pane.locator(".led-row").first().waitFor();
  const expected = ALL.map(({ line }) => JSON.parse(line))
    .filter((r) => r.event?.source.metadata.tab_id === "7" && r.seq <= record.seq)
    .sort((a, b) => b.event.ts - a.event.ts || b.seq - a.seq)
    .slice(0, 40)
    .map((r) => r.event.type);
  const found = await pane.locator(".led-type").allInnerTexts();
  assert.deepEqual(found.slice(0, 40), expected);
  await pane.locator(".led-row").nth(3).click();
  await until(
    async () => new URL(page.url()).searchParams.get("seq"),
    (seq) => seq !== `${record.seq}`,
    "the address",
  );
});

test("the record is copied as it was stored", async () => {
  const record = event((e) => e.type === "console.warn");
  const pane = await show(SESSION, record.seq);
  await pane.getByRole("tab", { name: "JSON" }).click();
  await pane.getByRole("button", { name: "Copy" }).click();
  await page.getByText("JSON copied").waitFor();
  assert.deepEqual(JSON.parse(await clipboard()), record);
});

test("captured text is text, and only web addresses are links", async () => {
  for (const { seq } of hostile()) {
    const pane = await show(HOSTILE, seq);
    for (const tab of ["Overview", "Before this", "JSON"]) {
      await pane.getByRole("tab", { name: tab }).click();
      await page.waitForTimeout(50);
      assert.equal(await page.locator("img, script:not([src]), iframe").count(), 0, `${tab} of ${seq}`);
      const links = await page
        .locator("a[href]")
        .evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
      for (const href of links) assert.match(href, /^https?:\/\//);
    }
  }
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).hurt), undefined);
});

test("an event and its detail are one row, with the detail's content", async () => {
  const pane = await show(OTHERS, 4);
  await pane.getByText("the whole cart").first().waitFor();
  assert.equal(await page.locator("#row-4").count(), 1);
  assert.equal(await page.locator("#row-5").count(), 0);
  await pane.getByRole("tab", { name: "JSON" }).click();
  await pane.getByText("Its detail, as stored").waitFor();
  await page.goto(`${store.url}/?session=${OTHERS}&q=severity:error`);
  await page.locator("#row-4").waitFor();
  const { records } = await (
    await store.fetch(`/v1/events?format=json&session=${OTHERS}&q=severity:error`)
  ).json();
  assert.deepEqual(
    records.map((/** @type {any} */ record) => record.seq),
    [4],
  );
});

/** Records that the tape does not contain. */
function others() {
  const source = { kind: "extension", event: "x", metadata: { tab_id: "1", request_id: "1" } };
  const events = [
    { type: "page.inp", category: "page", data: { value_ms: 350, rating: "needs-improvement" } },
    {
      type: "network.websocket_received",
      category: "network",
      url: "wss://shop.test/live",
      data: { opcode: 1, length: 24, payload: "hello from the other end" },
    },
    {
      type: "console.table",
      category: "console",
      data: {
        text: "[{name: 'Ada', born: 1815}, {name: 'Grace', born: 1906}, 'none']",
        args: [[{ name: "Ada", born: 1815 }, { name: "Grace", born: 1906 }, "none"]],
      },
    },
    {
      type: "console.error",
      category: "console",
      data: { text: "cart Object", args: ["cart", { $: "deep", class: "Cart" }] },
      truncated: true,
    },
    {
      ts: START + 3,
      type: "console.error",
      category: "console",
      detail_level: "verbose",
      source: { ...source, metadata: { ...source.metadata, detail_of: "4" } },
      data: { text: "cart Object", args: ["cart", { items: ["the whole cart"] }] },
    },
  ];
  return events.map((event, i) =>
    recordOf(OTHERS, i + 1, { ts: START + i, detail_level: "standard", source, ...event }),
  );
}

test("a bundle opens from a file without a network, shows every record, and runs nothing that it contains", async () => {
  const path = join(store.folder, "bug.html");
  await store.export("--output", path, "--format", "bundle", "--session", HOSTILE);
  const bundle = await openBundle(path);
  const { page: file } = bundle;
  await until(
    () => file.locator(".row").count(),
    (n) => n === hostile().length,
    "rows",
  );
  for (const { seq } of hostile()) {
    await file.locator(`#row-${seq}`).click();
    await file.locator(".pane .part").first().waitFor();
  }
  await filterBy(file, "type:input.*");
  await until(
    () => file.locator(".row").count(),
    (n) => n === 1,
    "the filtered row",
  );
  await filterBy(file, "severity:loud");
  await file.getByRole("alert").filter({ hasText: "expected debug, info, warn, error" }).waitFor();
  await file.getByText(/^Bundle: \d+ files, hashes are right$/).click();
  await file.getByText(/Left out: secrets.*; records of other sessions/).waitFor();
  assert.deepEqual(await violations(file), []);
  const { text } = await downloaded(file, () => file.getByRole("button", { name: "events.ndjson" }).click());
  assert.equal(
    text,
    hostile()
      .map(({ line }) => `${line}\n`)
      .join(""),
  );
  assert.equal(await file.evaluate(() => Reflect.get(window, "hurt")), undefined);
  assert.deepEqual(bundle.requests, []);
  await bundle.close();
});

test("a bundle whose records were changed says so", async () => {
  const path = join(store.folder, "changed.html");
  await store.export("--output", path, "--format", "bundle", "--session", HOSTILE);
  const html = readFileSync(path, "utf8");
  const packed = /id="events.ndjson">([^<]*)</.exec(html)?.[1] ?? "";
  const changed = gunzipSync(Buffer.from(packed, "base64")).toString().replace("rm -rf", "ls -la");
  writeFileSync(path, html.replace(packed, gzipSync(changed).toString("base64")));
  const bundle = await openBundle(path);
  await bundle.page.getByText("Changed since the export: events.ndjson").waitFor();
  await bundle.close();
});

/** A page from a file in a browser without a network. @param {string} path */
async function openBundle(path) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, offline: true });
  const file = await context.newPage();
  /** @type {string[]} */
  const requests = [];
  /** @type {string[]} */
  const errors = [];
  file.on("request", (request) => {
    if (request.url() !== pathToFileURL(path).href && !/^(?:data|blob):/.test(request.url()))
      requests.push(request.url());
  });
  file.on("pageerror", (error) => errors.push(error.message));
  file.on("dialog", (dialog) => errors.push(dialog.message()));
  file.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await file.goto(pathToFileURL(path).href);
  return {
    page: file,
    requests,
    async close() {
      await context.close();
      assert.deepEqual(errors, [], "the bundle reported errors");
    },
  };
}

/** Records of a page that means harm. */
function hostile() {
  const source = { kind: "extension", event: "x", metadata: { tab_id: "1", request_id: "1" } };
  /** @type {Record<string, unknown>[]} */
  const events = [
    {
      type: "console.log",
      category: "console",
      data: {
        text: MARKUP,
        args: [{ $: MARKUP, props: { [MARKUP]: MARKUP } }],
        stack: `Error\n    at ${MARKUP} (javascript:alert(1):1:1)`,
      },
    },
    {
      type: "network.request",
      category: "network",
      url: "http://shop.test/$(rm -rf ~)?a='b'&`id`",
      data: { method: "POST", headers: [["x-evil", "'; rm -rf / #"]], body: MARKUP },
    },
    {
      type: "page.navigation_committed",
      category: "page",
      url: "javascript:window.hurt=1",
      data: { transition: MARKUP },
    },
    {
      type: "page.screenshot",
      category: "page",
      data: { why: MARKUP, image: `data:image/svg+xml,${MARKUP}` },
    },
    { type: "input.click", category: "interaction", data: { selector: MARKUP, label: MARKUP } },
    {
      type: "app.strange",
      category: "app",
      data: { toString: MARKUP, __proto__: MARKUP, constructor: MARKUP },
    },
  ];
  return events.map((event, i) =>
    recordOf(HOSTILE, i + 1, { ts: START + i, detail_level: "standard", source, ...event }),
  );
}
