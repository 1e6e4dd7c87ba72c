/**
 * Sessions as a recorder delivers them, made up the same way each time: a person who shops, a shop that fails.
 *
 * Every record has the shape that `extension/` gives it.
 */

/** @typedef {{ seq: number, lastSeq: number, line: string }} TapeRecord */

const STACK = [
  "TypeError: Cannot read properties of undefined (reading 'items')",
  "    at renderCart (http://shop.test:5173/src/cart.ts:48:23)",
  "    at update (http://shop.test:5173/src/store.ts:112:9)",
  "    at HTMLButtonElement.<anonymous> (http://shop.test:5173/src/main.ts:31:5)",
  "    at dispatch (http://shop.test:5173/node_modules/emitter/index.js:1:2231)",
].join("\n");
const PAGES = ["", "cart", "checkout", "product/17"];
const CALLS = ["cart", "user/482", "products?page=3", "price", "checkout"];
const REQUEST_HEADERS = [
  ["Accept", "application/json"],
  ["Authorization", "[redacted:7f3a91c2]"],
];
const RESPONSE_HEADERS = [
  ["Content-Type", "application/json"],
  ["Cache-Control", "no-store"],
];

/** A small generator of the same numbers each time (mulberry32). @param {number} seed */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A UUIDv7-shaped id for a session. @param {number} n */
export function sessionId(n) {
  return `0193a4c2-7b1e-7c3d-9f00-${n.toString(16).padStart(12, "0")}`;
}

/** A record of one event. @param {string} session @param {number} seq @param {object} event @returns {TapeRecord} */
export function recordOf(session, seq, event) {
  return { seq, lastSeq: seq, line: JSON.stringify({ capture_session_id: session, seq, event }) };
}

/**
 * @param {{ session: string, seed?: number, startTs: number, meanMicros?: number, gapEvery?: number, tab?: string, previous?: string | null }} options
 * Yields records for ever; times are Unix microseconds.
 * @returns {Generator<TapeRecord, never>}
 */
export function* tape({
  session,
  seed = 1,
  startTs,
  meanMicros = 40_000,
  gapEvery = 900,
  tab = "7",
  previous = null,
}) {
  const random = numbers(seed);
  /** @param {readonly string[]} list */
  const pick = (list) => /** @type {string} */ (list[Math.floor(random() * list.length)]);
  let seq = 0;
  let ts = startTs;
  /** @type {{ id: string, url: string, method: string, ts: number } | null} */
  let open = null;

  /** @param {string} type @param {string} category @param {unknown} data @param {{ url?: string, tab?: string, metadata?: Record<string, string> }} more */
  const event = (type, category, data, more = {}) => {
    seq++;
    const metadata = { tab_id: more.tab ?? tab, frame_id: "0", window_id: "1", ...more.metadata };
    const body = {
      ts: Math.round(ts),
      type,
      category,
      detail_level: "standard",
      source: { kind: "extension", event: type, metadata },
      url: more.url ?? "http://shop.test:5173/checkout?step=2",
      data,
    };
    return recordOf(session, seq, body);
  };
  const categories = Object.fromEntries(
    ["console", "network", "page", "tab", "interaction", "system"].map((name) => [
      name,
      { enabled: true, detail_level: "standard" },
    ]),
  );
  const config = { categories, sites: { include: ["*"], exclude: [] } };
  yield event("system.session_started", "system", { previous, version: "0.1.0", config });
  yield event("system.worker_started", "system", {
    reason: "browser_start",
    epoch: 1,
    unwatched: null,
    config,
  });

  for (;;) {
    // Busy and quiet by turns, and now and then a pause.
    const busy = 1.2 + Math.sin(seq / 160) + (random() < 0.003 ? 300 : 0);
    ts += meanMicros * busy * (0.5 + random());
    if (gapEvery > 0 && seq % gapEvery === gapEvery - 1) {
      const first = seq + 1;
      const count = 1 + Math.floor(random() * 30);
      seq += count;
      const gap = { first_seq: first, last_seq: seq, category: "network", reason: "relay_queue_full" };
      yield { seq: first, lastSeq: seq, line: JSON.stringify({ capture_session_id: session, gap }) };
      continue;
    }
    if (seq % 1100 === 1099) {
      const unwatched = { from_ts: Math.round(ts - 12e6), to_ts: Math.round(ts) };
      yield event("system.worker_started", "system", { reason: "wake", epoch: 2, unwatched, config });
      continue;
    }
    yield one(random());
  }

  /** @param {number} r */
  function one(r) {
    const other = random() < 0.25 ? { tab: "12" } : {};
    if (r < 0.26) {
      const items = Math.floor(random() * 9);
      const text = `cart updated {items: ${items}, currency: 'EUR', lines: Array(2)}`;
      const props = { items, currency: "EUR", lines: [{ sku: "A-100" }, { sku: "B-7" }] };
      return event("console.log", "console", { text, args: ["cart updated", { $: "Cart", props }] }, other);
    }
    if (r < 0.31) {
      const stack = STACK.split("\n").slice(1).join("\n");
      return event(
        "console.warn",
        "console",
        { text: "useCart() is deprecated, use useStore()", stack },
        other,
      );
    }
    if (r < 0.33) {
      const error = { $: "TypeError", message: "Failed to fetch", stack: STACK };
      return event("console.error", "console", {
        text: "Could not load the cart: TypeError: Failed to fetch",
        args: ["Could not load the cart:", error],
      });
    }
    if (r < 0.34) {
      const message = "Cannot read properties of undefined (reading 'items')";
      return event("console.exception", "console", {
        text: `Uncaught TypeError: ${message}`,
        location: { url: "http://shop.test:5173/src/cart.ts", line: 48, column: 23 },
        error: { $: "TypeError", message, stack: STACK },
      });
    }
    if (r < 0.37)
      return event("console.debug", "console", { text: "[vite] hot updated: /src/cart.ts" }, other);
    if (r < 0.71) return open === null ? request() : response(open);
    if (r < 0.72) {
      return event(
        "network.failed",
        "network",
        { method: "GET", error: "net::ERR_CONNECTION_REFUSED", resource_type: "ping", duration_ms: 2.1 },
        { url: "https://metrics.test/v1/beacon", metadata: { request_id: `f${seq}` } },
      );
    }
    if (r < 0.79)
      return event("input.click", "interaction", {
        selector: "button#pay.primary",
        label: "Pay now",
        button: 0,
      });
    if (r < 0.83)
      return event("input.key", "interaction", {
        selector: "input#email",
        key: "char",
        count: 1 + Math.floor(random() * 20),
      });
    if (r < 0.86)
      return event(
        "page.navigation_committed",
        "page",
        { transition: "link", qualifiers: [] },
        { url: `http://shop.test:5173/${pick(PAGES)}` },
      );
    if (r < 0.88)
      return event("page.lcp", "page", {
        value_ms: Math.round(600 + random() * 4000),
        rating: "needs-improvement",
        navigation_type: "navigate",
      });
    if (r < 0.9)
      return event("page.layout_shift", "page", {
        value: Math.round(random() * 3000) / 10000,
        rating: "good",
      });
    if (r < 0.92) {
      const script = {
        url: "http://shop.test:5173/src/main.ts",
        function: "render",
        invoker: "BUTTON#pay.onclick",
        duration_ms: 55,
      };
      return event("page.long_frame", "page", {
        duration_ms: Math.round(100 + random() * 240),
        blocking_ms: 34,
        script,
      });
    }
    if (r < 0.985)
      return event("tab.updated", "tab", { status: "complete", title: "Checkout – Demo shop" }, other);
    return event("system.mark", "system", { note: "here it happened" });
  }

  function request() {
    open = {
      id: String(1000 + seq),
      url: `http://shop.test:5173/api/${pick(CALLS)}`,
      method: random() < 0.3 ? "POST" : "GET",
      ts,
    };
    const body =
      open.method === "POST" ? { body: '{"sku":"A-100","qty":1}', body_bytes: 23 } : { body_bytes: null };
    return event(
      "network.request",
      "network",
      {
        method: open.method,
        resource_type: "xmlhttprequest",
        initiator: "http://shop.test:5173",
        ...body,
        headers: REQUEST_HEADERS,
      },
      { url: open.url, metadata: { request_id: open.id } },
    );
  }

  /** @param {{ id: string, url: string, method: string, ts: number }} of */
  function response(of) {
    open = null;
    const status = Number(pick(["200", "200", "200", "200", "201", "304", "404", "500"]));
    const duration = Math.round((ts - of.ts) / 100) / 10;
    return event(
      "network.response",
      "network",
      {
        method: of.method,
        status,
        resource_type: "xmlhttprequest",
        status_line: `HTTP/1.1 ${status}`,
        from_cache: false,
        ip: "127.0.0.1",
        content_type: "application/json",
        content_length: Math.floor(random() * 48_000),
        duration_ms: duration,
        ttfb_ms: Math.round(duration * 8) / 10,
        headers: RESPONSE_HEADERS,
        body: '{"items":[{"sku":"A-100","qty":1,"price":12.5}],"total":12.5}',
      },
      { url: of.url, metadata: { request_id: of.id } },
    );
  }
}

/** The first `count` records of a tape. @param {Parameters<typeof tape>[0]} options @param {number} count */
export function take(options, count) {
  const records = [];
  for (const record of tape(options)) {
    records.push(record);
    if (records.length === count) break;
  }
  return records;
}
