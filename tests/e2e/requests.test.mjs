/** Each request is recorded once, with its true end, by webRequest alone and with the debugger attached. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ASKED_AT_THE_END, CountingServer, EXPECTED, makeRequests } from "./fixtures/requests.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const server = new CountingServer();
/** Answers the preflight that waits. @type {(() => void) | null} */
let allow = null;
const rig = await sharedRig({
  args: ["--silent-debugger-extension-api"],
  pages: {
    ...server.pages(),
    "/preflighted": (request, response) => {
      const headers = { "access-control-allow-origin": "*", "access-control-allow-headers": "x-asked" };
      if (request.method !== "OPTIONS") response.writeHead(200, headers).end("done");
      else allow = () => response.writeHead(204, headers).end();
    },
  },
});
server.acceptSockets(rig.site.server);

/** Events of one run by the name of their request. @param {string} run */
async function recorded(run) {
  /** @type {Map<string, any[]>} */
  const events = new Map();
  for (const event of await rig.collector.events(`category:network url:*?${run}-*`)) {
    // The page's own records of its calls.
    if (event.type === "network.call" || event.type === "network.response_body") continue;
    const name = new URL(event.url ?? "").search.slice(1);
    events.set(name, [...(events.get(name) ?? []), event]);
  }
  return events;
}

/** The protocol reports a WebSocket's request and its response as one. */
const isSocket = (/** @type {any} */ { type }) => type === "network.websocket_opened";
const isRequest = (/** @type {any} */ event) => event.type === "network.request" || isSocket(event);
const isEnd = (/** @type {any} */ event) =>
  event.type === "network.response" ||
  (event.type === "network.failed" && event.data.streaming !== true) ||
  isSocket(event);

/** Returns the mirrored steps, which wait for the protocol's record. */
const heldSteps = async () =>
  (await rig.worker()).evaluate(async () =>
    Object.entries(await chrome.storage.session.get(null))
      .filter(([key]) => key.startsWith("tabtape_held:"))
      .map(([, step]) => /** @type {any} */ (step).taken),
  );

/** @param {Map<string, any[]>} events @param {(event: any) => boolean} filter */
const counts = (events, filter) =>
  Object.fromEntries([...events].map(([name, all]) => [name, all.filter(filter).length]));

/** Prints the server's counts next to the store's, by kind of request. @param {string} run @param {Map<string, any[]>} events */
function print(run, events) {
  /** @type {Record<string, { asked: number, answered: number, requests: number, answers: number, failures: number }>} */
  const table = {};
  for (const name of server.named(run)) {
    const kind = name
      .slice(run.length + 1)
      .replace(/-?\d+$/, (digits) => (digits === "204" || digits === "205" ? digits : ""));
    table[kind] ??= { asked: 0, answered: 0, requests: 0, answers: 0, failures: 0 };
    const row = table[kind];
    const all = events.get(name) ?? [];
    row.asked += server.asked.get(name) ?? 0;
    row.answered += server.answered.has(name) ? 1 : 0;
    row.requests += all.filter(isRequest).length;
    row.answers += all.filter((event) => isEnd(event) && event.data.status !== undefined).length;
    row.failures += all.filter(({ type }) => type === "network.failed").length;
  }
  console.log(run);
  console.table(table);
}

for (const run of ["standard", "deep"])
  test(`${run}: the store has each request that the server has answered, and its end, once`, async () => {
    const page = await rig.open(`/page?${run}`);
    const { source } = await rig.event("page.settled", `/page?${run}`);
    const tabId = Number(source.metadata.tab_id);
    if (run === "deep") await rig.command({ command: "debug", tab_id: tabId, on: true });
    const made = await makeRequests(page, run, rig.site, server);
    assert.deepEqual(made.answers, [204, 205, 200, 200, "refused", "cut"]);
    assert.equal(made.aborted, "AbortError");
    assert.equal(made.closeCode, 4003);

    // Recorded while they are open.
    for (const name of ["events", "lines"]) {
      const { data } = await rig.event("network.response", `?${run}-${name}`);
      assert.deepEqual([data.status, data.streaming], [200, true], name);
    }
    await made.ended();
    const ended = await rig.event("network.stream_ended", `?${run}-lines`);
    assert.equal(ended.data.status, 200);
    const asked = async (/** @type {number} */ count) => server.named(run).length === count;
    await rig.poll("the workers to fetch", () => asked(EXPECTED - ASKED_AT_THE_END));
    const areAllThere = async () => {
      const events = await recorded(run);
      return server
        .named(run)
        .every(
          (name) => events.get(name)?.some(isRequest) === true && events.get(name)?.some(isEnd) === true,
        );
    };
    // The test chooses the requests that are under way when the page is left.
    await rig.poll("the ends of all of them", areAllThere);
    await made.leave();

    await rig.poll("the server to be asked", () => asked(EXPECTED));
    const once = Object.fromEntries(server.named(run).map((name) => [name, 1]));
    await rig.poll("the store to have them", areAllThere).catch(() => {});
    // Held records are published with the end of the attachment, so that nothing comes later.
    if (run === "deep") await rig.command({ command: "debug", tab_id: tabId, on: false });
    await rig.flushed();
    const events = await recorded(run);
    print(run, events);
    assert.deepEqual(counts(events, isRequest), once, "requests");
    assert.deepEqual(counts(events, isEnd), once, "ends");
    // The server's answers, as it gave them, and none that it did not give.
    const statuses = [...events].map(([name, all]) => [name, all.find(isEnd).data.status]);
    assert.deepEqual(
      Object.fromEntries(statuses.filter(([, status]) => status !== undefined)),
      Object.fromEntries([...server.answered].filter(([name]) => name.startsWith(`${run}-`)).sort()),
      "statuses",
    );
    for (const [name, all] of events)
      assert.equal(new Set(all.map(({ source }) => source.metadata.request_id)).size, 1, name);
    await page.close();
  });

for (const run of ["standard", "deep"])
  test(`${run}: a response without a body is a response, and a failure keeps what the server said`, async () => {
    const events = await recorded(run);
    const end = (/** @type {string} */ name) => events.get(`${run}-${name}`)?.find(isEnd);
    for (const [name, status] of [
      ["204", 204],
      ["205", 205],
      ["empty", 200],
      ["dataHEAD", 200],
    ])
      assert.deepEqual(
        [end(`${name}`).type, end(`${name}`).data.status],
        ["network.response", status],
        `${name}`,
      );
    // Chromium gives a request that its page has given up either of two names.
    const givenUp = /^net::ERR_(?:ABORTED|FAILED)$/;
    /** @type {[string, number, RegExp, string][]} */
    const failures = [
      ["limited", 429, /^net::ERR_FAILED$/, "retry-after"],
      ["cut", 200, /^net::ERR_CONTENT_LENGTH_MISMATCH$/, "x-cut"],
      ["endless", 200, givenUp, "content-type"],
    ];
    for (const [name, status, error, header] of failures) {
      const { type, data } = end(name);
      assert.deepEqual([type, data.status], ["network.failed", status], name);
      assert.match(data.error, error, name);
      assert.ok(
        data.headers.some((/** @type {string[]} */ [one]) => one?.toLowerCase() === header),
        `${name} ${header}`,
      );
    }
    const documentOf = (/** @type {string} */ name) =>
      events.get(`${run}-${name}`)?.find(isRequest)?.source.metadata.document_id;
    assert.match(documentOf("204"), /./);
    for (const name of ["silent", "beacon", "keepalive"])
      assert.equal(documentOf(name), documentOf("204"), `the document of ${name}`);
    assert.equal(end("limited").data.cors_error, "MissingAllowOriginHeader");
    assert.equal(end("endless").data.cors_error, null);
    assert.equal(end("silent").type, "network.failed");
    assert.match(end("silent").data.error, givenUp);
  });

test("what waits for the protocol's record when the worker dies is recorded by the next one, once", async () => {
  const page = await rig.open("/page?killed");
  const { source } = await rig.event("page.settled", "/page?killed");
  const tabId = Number(source.metadata.tab_id);
  await rig.command({ command: "debug", tab_id: tabId, on: true });
  await page.evaluate(() =>
    addEventListener("pagehide", () => {
      for (let n = 0; n < 5; n++) navigator.sendBeacon(`/data?killed-beacon-${n}`, "goodbye");
      void fetch("/data?killed-keepalive", { method: "POST", body: "goodbye", keepalive: true });
    }),
  );
  await page.goto(`${rig.site.origin}/left?killed`);
  await rig.poll("the server to be asked", async () => server.named("killed").length === 6);
  // The browser does not repeat a step that was on its way when the worker died.
  await rig.poll("both steps of each to be held or stored", async () => {
    const held = (await heldSteps()).map(({ input }) => input).filter(({ url }) => url.includes("?killed-"));
    const events = [...held, ...[...(await recorded("killed")).values()].flat()];
    const named = (/** @type {(event: any) => boolean} */ filter) =>
      new Set(events.filter(filter).map(({ url }) => url)).size;
    return named(isRequest) === 6 && named(isEnd) === 6;
  });
  await rig.killWorker();
  const once = Object.fromEntries(server.named("killed").map((name) => [name, 1]));
  await rig.poll("the store to have them", async () => (await recorded("killed")).size === 6).catch(() => {});
  // Publishes what is held, so that nothing comes later.
  await rig.command({ command: "debug", tab_id: tabId, on: false });
  await rig.flushed();
  const events = await recorded("killed");
  assert.deepEqual(counts(events, isRequest), once, "requests");
  assert.deepEqual(counts(events, isEnd), once, "ends");
  for (const [name, all] of events)
    assert.equal(new Set(all.map(({ source }) => source.metadata.request_id)).size, 1, name);
  await page.close();
});

test("what is committed when the worker dies, and still mirrored, is not recorded again", async () => {
  const page = await rig.open("/page?mirrored");
  const { source } = await rig.event("page.settled", "/page?mirrored");
  const tabId = Number(source.metadata.tab_id);
  await rig.command({ command: "debug", tab_id: tabId, on: true });
  await (await rig.worker()).evaluate(async (id) => {
    // Requests of the tab that the protocol does not report: every step is held, and so mirrored.
    await chrome.debugger.sendCommand({ tabId: id }, "Network.disable");
    // As if it were killed before it deletes what it has published.
    chrome.storage.session.remove = /** @type {any} */ (() => Promise.resolve());
  }, tabId);
  await page.evaluate(async () => {
    for (let n = 0; n < 5; n++) await fetch(`/data?mirrored-fetch-${n}`);
  });
  const once = Object.fromEntries(server.named("mirrored").map((name) => [name, 1]));
  const areAllThere = async () => {
    const events = await recorded("mirrored");
    return [...events.values()].filter((all) => all.some(isRequest) && all.some(isEnd)).length === 5;
  };
  await rig.poll("the store to have them", areAllThere);
  const ofFetches = (await heldSteps()).filter(({ input }) => input.url.includes("?mirrored-fetch-"));
  assert.equal(ofFetches.length, 10, "both steps of each request are mirrored still");
  await rig.killWorker();
  await rig.command({ command: "debug", tab_id: tabId, on: false });
  await rig.poll("the next worker to be done with the mirror", async () => (await heldSteps()).length === 0);
  await rig.flushed();
  const events = await recorded("mirrored");
  assert.deepEqual(counts(events, isRequest), once, "requests");
  assert.deepEqual(counts(events, isEnd), once, "ends");
  await page.close();
});

test("a request that waits for its preflight when the worker dies is recorded with its beginning", async () => {
  const page = await rig.open("/page?preflight");
  const answer = page.evaluate(
    (url) =>
      fetch(url, { method: "POST", body: "12345", headers: { "x-asked": "1" } }).then((response) =>
        response.text(),
      ),
    `${rig.site.otherOrigin}/preflighted`,
  );
  await rig.poll("the preflight", async () => allow !== null);
  await rig.poll("the mirror", async () =>
    (await rig.worker()).evaluate(async () =>
      JSON.stringify(await chrome.storage.session.get("tabtape_unsent")).includes("/preflighted"),
    ),
  );
  await rig.killWorker();
  allow?.();
  assert.equal(await answer, "done");
  const isPost = (/** @type {any} */ { data }) => data.method === "POST";
  const all = await rig.until("category:network url:*/preflighted", (events) =>
    events.some((event) => event.type === "network.response" && isPost(event)),
  );
  const ofPost = /** @type {any[]} */ (all.filter(isPost));
  const [request, response, ...others] = ofPost.filter(({ type }) => type !== "network.call");
  assert.deepEqual([request.type, response.type, others], ["network.request", "network.response", []]);
  assert.equal(request.data.body_bytes, 5);
  assert.ok(request.ts < response.ts);
  assert.equal(request.source.metadata.request_id, response.source.metadata.request_id);
  await page.close();
});
