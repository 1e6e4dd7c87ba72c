/** The table of requests and the details of one, from a real recording with the debugger. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dist } from "../../scripts/lib/paths.mjs";
import { scripted } from "../e2e/fixtures/pages.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { acceptWebSockets } from "../e2e/fixtures/sockets.mjs";
import { violations } from "./axe.mjs";
import { until } from "./browser.mjs";
import { bundled } from "./bundled.mjs";

/** @type {typeof import("../../www/src/network/requests.ts")} */
const { RequestTable, sorted } = await bundled("network/requests.ts");
/** @type {typeof import("../../www/src/network/failures.ts")} */
const { failureReason } = await bundled("network/failures.ts");
/** @type {typeof import("../../www/src/detail/exchange.ts")} */
const { serverTimingOf } = await bundled("detail/exchange.ts");

const SLOW_MS = 400;
const WORKER = `
  addEventListener("install", () => skipWaiting());
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (event.request.url.endsWith("/made-up")) event.respondWith(new Response("from the worker"));
  });
`;

const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  capture: { categories: { network: { detail_level: "verbose" } } },
  pages: {
    "/page": "<!doctype html><title>shop</title>",
    "/plain": scripted(`
      function loadCart() {
        fetch("/api/missing?plain").then((response) => response.text());
      }
      loadCart();
    `),
    "/api/cart": (_, response) =>
      response
        .writeHead(200, {
          "content-type": "application/json",
          "server-timing": 'db;dur=12.5;desc="two, queries", cache;desc=miss',
        })
        .end('{"items":[{"sku":"A-100"}]}'),
    "/api/slow": (_, response) => void setTimeout(() => response.end("slow"), SLOW_MS),
    "/api/big": (_, response) => response.end("x".repeat(60_000)),
    "/api/form": (_, response) => response.writeHead(201).end("ok"),
    "/api/hop": (_, response) => response.writeHead(302, { location: "/api/cart?hopped" }).end(),
    "/api/reset": (request) => void request.socket.destroy(),
    "/worker.js": (_, response) => response.writeHead(200, { "content-type": "text/javascript" }).end(WORKER),
  },
});
acceptWebSockets(rig.site.server);
const shop = await rig.open("/page");
const settled = await rig.event("page.settled", "/page");
await rig.command({ command: "debug", tab_id: Number(settled.source.metadata.tab_id), on: true });
await shop.evaluate(async (socketUrl) => {
  const get = async (/** @type {string} */ url, /** @type {RequestInit} */ init = {}) =>
    fetch(url, init).then(
      (response) => response.text(),
      () => "",
    );
  await get("/api/cart");
  await get("/api/slow");
  await get("/api/big");
  await get("/api/form", { method: "POST", body: new URLSearchParams({ name: "Ann B", qty: "2" }) });
  await get("/api/hop");
  await get("/api/missing");
  await get("/api/reset");
  await new Promise((resolve) => {
    const socket = new WebSocket(socketUrl);
    socket.onopen = () => socket.send("hello socket");
    socket.onmessage = () => {
      socket.onclose = resolve;
      socket.close();
    };
  });
  const controlled = new Promise((resolve) => {
    navigator.serviceWorker.oncontrollerchange = resolve;
  });
  await navigator.serviceWorker.register("/worker.js");
  await controlled;
  await get("/made-up");
}, `ws://127.0.0.1:${rig.site.port}/socket`);
await rig.event("network.response", "/made-up");
await rig.event("network.websocket_closed", "/socket");
const begun = await rig.event("network.request", "/api/slow");
const slow = await rig.event("network.response", "/api/slow");
// In a tab without the debugger, the page reports the stack of a call and the body of a failed response.
await rig.open("/plain");
await rig.event("network.call", "/api/missing?plain");
await rig.event("network.response_body", "/api/missing?plain");
await rig.event("network.response", "/api/missing?plain");
await rig.flushed();
const page = await rig.context.newPage();
await page.setViewportSize({ width: 1280, height: 800 });
await page.goto(await rig.collector.link());
await page.locator(".row").first().waitFor();
await page.getByRole("button", { name: "Network", exact: true }).click();
/** @param {string} name */
const request = (name) =>
  page.locator('[role="row"]', { has: page.getByRole("gridcell", { name, exact: true }) });
await request("made-up").waitFor();

/** @param {string} column */
const cells = (column) => page.locator(`.requests-rows .requests-${column}`).allInnerTexts();
const pane = () => page.getByRole("complementary", { name: "Details" });
/** @param {string} title */
const part = (title) =>
  pane()
    .locator(".part")
    .filter({ has: page.locator("h3", { hasText: new RegExp(`^${title}`) }) });

test("each request is one row with its method, status, type, size and time", async () => {
  for (const [name, expected] of /** @type {[string, RegExp][]} */ ([
    ["form", /form\s+POST\s+201\s+fetch/],
    ["missing", /missing\s+GET\s+404\s+fetch/],
    ["big", /big\s+GET\s+200\s+fetch\s[\s\S]*60 kB/],
    ["reset", /reset\s+GET\s+failed/],
    ["socket", /socket\s+101\s+websocket/],
    ["made-up", /made-up\s+GET\s+200\s+fetch\s[\s\S]*worker/],
    ["cart?hopped", /cart\?hopped\s+GET\s+200/],
  ])) {
    assert.match(await request(name).innerText(), expected, name);
  }
  assert.equal(await request("hop").count(), 0, "a redirect is not a row of its own");
  const took = await request("slow").locator(".requests-time").innerText();
  assert.ok(Number.parseFloat(took) >= SLOW_MS || took.includes(" s"), took);
  await page.screenshot({ path: dist("test", "network-table.png") });
});

test("columns sort in both directions", async () => {
  const head = (/** @type {string} */ name) =>
    page.getByRole("columnheader", { name: new RegExp(`^${name}`) });
  const sort = async (/** @type {string} */ name, /** @type {string} */ order) => {
    await head(name).getByRole("button").click();
    await until(
      () => head(name).getAttribute("aria-sort"),
      (now) => now === order,
      `order of ${name}`,
    );
  };
  await sort("Name", "ascending");
  const names = await cells("name");
  assert.deepEqual(
    names,
    [...names].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)),
  );
  await sort("Name", "descending");
  assert.deepEqual(await cells("name"), [...names].reverse());
  const isFirst = async () => {
    const order = await cells("name");
    return order.indexOf("slow") < order.indexOf("made-up");
  };
  await sort("Time", "ascending");
  assert.equal(await isFirst(), false);
  await sort("Time", "descending");
  assert.equal(await isFirst(), true);
  await sort("Status", "ascending");
  const statuses = (await cells("status"))
    .filter((text) => text !== "")
    .map((text) => (text === "failed" ? 0 : Number(text)));
  assert.deepEqual(
    statuses,
    [...statuses].sort((a, b) => a - b),
  );
  await sort("Waterfall", "ascending");
});

test("the waterfall has the timeline's scale, and a range of the timeline narrows it", async () => {
  const timeline = page.getByRole("slider", { name: /^Event rate/ });
  const place = () =>
    request("slow")
      .locator(".waterfall")
      .evaluate((bar) => {
        const whole = /** @type {HTMLElement} */ (bar.parentElement).getBoundingClientRect();
        const { left, width } = bar.getBoundingClientRect();
        return { left: (left - whole.left) / whole.width, width: width / whole.width };
      });
  const from = Number(await timeline.getAttribute("aria-valuemin"));
  const to = Number(await timeline.getAttribute("aria-valuemax"));
  const { duration_ms } = /** @type {any} */ (slow.data);
  const start = begun.ts / 1000;
  const { left, width } = await place();
  assert.ok(Math.abs(left - (start - from) / (to - from)) < 0.01, `${left}`);
  assert.ok(Math.abs(width - Math.max(0.004, duration_ms / (to - from))) < 0.01, `${width}`);
  const range = {
    from: Math.round(start * 1000) - 50_000,
    to: Math.round((start + duration_ms) * 1000) + 50_000,
  };
  const url = new URL(page.url());
  await page.goto(`${url.origin}/?view=network&from=${range.from}&to=${range.to}`);
  await request("slow").waitFor();
  assert.ok((await place()).width > 0.5);
  assert.equal(await request("socket").count(), 0);
  await page.getByRole("button", { name: "Clear the time range" }).click();
  await request("socket").waitFor();
});

test("a response is shown next to its request, with its JSON, its form and the server's times", async () => {
  await page.setViewportSize({ width: 1600, height: 900 });
  await request("form").click();
  const splitter = page.getByRole("separator", { name: "Width of the details" });
  await splitter.focus();
  await until(
    async () => {
      await page.keyboard.press("ArrowLeft");
      return Number(await splitter.getAttribute("aria-valuenow"));
    },
    (now) => now > 780,
    "width of the details",
  );
  await part("Request body").getByText("Ann B").waitFor();
  const [response, sent] = await Promise.all(
    ["Response headers", "Request headers"].map((title) => part(title).boundingBox()),
  );
  assert.ok(response && sent && Math.abs(response.y - sent.y) < 2 && sent.x > response.x + 200);
  await page.screenshot({ path: dist("test", "network-details.png") });
  await request("cart").click();
  await part("Response body").locator(".json", { hasText: "A-100" }).waitFor();
  await part("Response body").getByRole("button", { name: "Text" }).click();
  assert.match(await part("Response body").locator("pre").innerText(), /^\{\n {2}"items": \[/);
  assert.match(await part("Server timing").innerText(), /db\s+two, queries · 13 ms\s+cache\s+miss/);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("a failure has its reason in words, and the answer of a service worker its origin", async () => {
  await request("reset").click();
  await pane().getByText("the server closed the connection without sending anything").waitFor();
  await request("made-up").click();
  await pane().getByText("a service worker", { exact: true }).waitFor();
});

test("without the debugger, a request has its caller with the line, and a failure its body", async () => {
  const initiator = request("missing?plain").locator(".requests-initiator");
  assert.match(String(await initiator.textContent()), /^plain:\d+$/);
  await request("missing?plain").click();
  await part("Stack").getByText("loadCart").waitFor();
  await part("Response body").getByText("not found").waitFor();
});

test("the messages of a socket are a conversation", async () => {
  await request("socket").click();
  const messages = part("Messages").locator(".frame-row");
  await until(
    () => messages.allInnerTexts(),
    (all) => all.length === 2,
    "messages",
  );
  assert.match(
    (await messages.allInnerTexts()).join("\n"),
    /sent\s+hello socket[\s\S]*received\s+hello socket/,
  );
  await page.screenshot({ path: dist("test", "network-socket.png") });
});

test("the keys move through the table in its order, and to the failures", async () => {
  await request("cart").click();
  await page.keyboard.press("j");
  await page.locator(".requests-row.selected", { hasText: "slow" }).waitFor();
  await page.keyboard.press("e");
  await page.locator(".requests-row.selected", { hasText: "missing" }).waitFor();
  await page.keyboard.press("e");
  await page.locator(".requests-row.selected", { hasText: "reset" }).waitFor();
  await page.keyboard.press("n");
  await page.locator(".row.selected", { hasText: "/api/reset" }).waitFor();
  await page.goBack();
  await request("reset").waitFor();
});

test("a request that comes later is added to the table", async () => {
  const other = await rig.open("/page?later");
  await request("page?later").waitFor();
  await other.close();
});

for (const theme of ["light", "dark"]) {
  test(`axe finds no violation in the table and the details, ${theme}`, async () => {
    await page.emulateMedia({ colorScheme: /** @type {"light" | "dark"} */ (theme) });
    await request("cart").click();
    await part("Server timing").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.screenshot({ path: dist("test", `network-${theme}.png`) });
  });
}

/** @param {string} type @param {number} seq @param {Record<string, unknown>} data @param {string} [id] */
const envelope = (type, seq, data, id = "1") => ({
  capture_session_id: "s",
  seq,
  event: {
    ts: seq * 1e6,
    type: `network.${type}`,
    category: "network",
    detail_level: /** @type {const} */ ("standard"),
    source: { kind: /** @type {const} */ ("extension"), event: type, metadata: { request_id: id } },
    url: "http://localhost:3000/api/cart?x=1",
    data,
  },
});

test("a request without its beginning starts at its end minus its duration", () => {
  const table = new RequestTable();
  table.add(envelope("response", 5, { method: "GET", status: 200, duration_ms: 1_500, ttfb_ms: 1_000 }));
  assert.deepEqual(
    table.rows.map(({ name, startTs, firstByteTs, endTs }) => [name, startTs, firstByteTs, endTs]),
    [["cart?x=1", 3.5e6, 4.5e6, 5e6]],
  );
});

test("a page's records of its requests are part of their rows, and no row of its own", () => {
  const table = new RequestTable();
  const stack = "    at load (http://localhost:3000/src/cart.js:48:3)";
  const unmatched = envelope("call", 1, { stack });
  table.add({
    ...unmatched,
    event: { ...unmatched.event, source: { ...unmatched.event.source, metadata: {} } },
  });
  table.add(envelope("call", 2, { stack, method: "GET" }));
  table.add(envelope("request", 3, { method: "POST", initiator: "http://localhost:3000" }));
  table.add(envelope("response_body", 4, { response_status: 500, body: "no" }));
  table.add(envelope("response", 5, { method: "POST", status: 500, duration_ms: 2_000 }));
  assert.deepEqual(
    table.rows.map(({ initiator, method, startTs, seqs }) => [initiator, method, startTs, seqs]),
    [["cart.js:48", "POST", 3e6, [2, 3, 4, 5]]],
  );
});

test("requests without a value of the sorted column come last in both directions", () => {
  const table = new RequestTable();
  table.add(envelope("request", 1, { method: "GET" }, "pending"));
  table.add(envelope("response", 2, { status: 200, content_length: 10 }, "small"));
  table.add(envelope("response", 3, { status: 200, content_length: 90 }, "large"));
  const order = (/** @type {boolean} */ isDescending) =>
    sorted(table.rows, { column: "size", isDescending }).map(({ bytes }) => bytes);
  assert.deepEqual(order(false), [10, 90, undefined]);
  assert.deepEqual(order(true), [90, 10, undefined]);
});

test("reasons of failures and times of servers are read as they are written", () => {
  assert.match(String(failureReason("net::ERR_CONNECTION_REFUSED")), /no server/);
  assert.match(String(failureReason("net::ERR_BLOCKED_BY_CLIENT", "csp")), /Content-Security-Policy/);
  assert.equal(failureReason("net::ERR_NEW_AND_UNKNOWN"), null);
  assert.deepEqual(serverTimingOf([["Server-Timing", 'a;dur=1, b;desc="x; y", c']]), [
    { name: "a", description: "", ms: 1 },
    { name: "b", description: "x; y", ms: undefined },
    { name: "c", description: "", ms: undefined },
  ]);
});
