/**
 * A recording with a seeded failure, made in a real browser: two tabs, 20,000 events, 237 graded errors, and among
 * them one click whose request is answered 500 and whose handler then throws.
 */
import { join } from "node:path";
import { startRig } from "../../tests/e2e/fixtures/rig.mjs";
import { startDevtoolsMcp } from "./devtools_mcp.mjs";

const LINES_PER_TAB = 9_900;
/** Errors besides the two of the seeded failure. */
const POLL_FAILURES = 120;
const PRINTED_ERRORS = 100;
const ONE_OFF_ERRORS = 15;
const GRADED_ERRORS = POLL_FAILURES + PRINTED_ERRORS + ONE_OFF_ERRORS + 2;
const MIN_EVENTS = 20_000;
const UNTIL_MS = 240_000;

/** The line of the statement that throws is part of the expected answer. */
const CHECKOUT = `// The checkout of a shop.
const button = document.querySelector("#pay");

async function post(path) {
  const response = await fetch(path, { method: "POST", body: "{}" });
  return response.json();
}

async function pay() {
  const cart = await post("/api/cart");
  show(cart);
}

// The server always sends items, is the belief here.
function show(cart) {
  const list = document.querySelector("#list");
  list.textContent = String(cart.items.length);
}

button.addEventListener("click", pay);
`;

const SHOP = `<!doctype html><meta charset="utf-8"><title>Shop</title>
<button id="pay">Pay now</button><p id="list"></p>
<script type="module" src="/checkout.ts"></script>`;

const BOARD = `<!doctype html><meta charset="utf-8"><title>Board</title><p>Board</p>`;

/** The parts of an answer that names the cause: the click, the request with its answer's body, the error's place. */
export const CAUSE = [
  'button#pay "Pay now"',
  "POST /api/cart 500",
  '{"error":"cart service timeout"}',
  "reading 'length'",
  "checkout.ts:17",
];

/**
 * Makes the recording, and lends the collector that holds it, and the peer that watched the same browser.
 * @template T
 * @param {(collector: import("../../tests/e2e/fixtures/collector.mjs").Collector, peer: Awaited<ReturnType<typeof startDevtoolsMcp>>, counts: { events: number, errors: number }) => Promise<T>} body
 */
export async function withFailure(body) {
  const rig = await startRig({
    pages: {
      "/shop": SHOP,
      "/board": BOARD,
      "/checkout.ts": (_, response) =>
        response.writeHead(200, { "content-type": "text/javascript" }).end(CHECKOUT),
      "/api/cart": (_, response) =>
        response
          .writeHead(500, { "content-type": "application/json" })
          .end('{"error":"cart service timeout"}'),
      "/api/poll": (_, response) => response.writeHead(404).end("no such job"),
      "/favicon.ico": (_, response) => response.writeHead(204).end(),
    },
    args: ["--silent-debugger-extension-api", "--remote-debugging-port=0"],
    // Bodies of answers are recorded at this level by the debugger.
    preconfiguration: { debugger_all_tabs: true },
    capture: { categories: { network: { detail_level: "verbose" } } },
  });
  /** @type {Awaited<ReturnType<typeof startDevtoolsMcp>> | undefined} */
  let peer;
  try {
    const shop = await rig.context.newPage();
    await shop.goto(`${rig.site.origin}/shop`);
    const board = await rig.context.newPage();
    await board.goto(`${rig.site.origin}/board`);
    peer = await startDevtoolsMcp(join(rig.folder, "profile"));
    const attached = async () => (await rig.command({ command: "status" })).debugger.tab_ids.length >= 2;
    await rig.poll("the debugger to be attached", attached);
    await Promise.all([shop.evaluate(noise, half(0)), board.evaluate(noise, half(0))]);
    await shop.bringToFront();
    await shop.click("#pay");
    await rig.poll(
      "the failure to be stored",
      async () => (await rig.collector.events("type:console.rejection")).length > 0,
    );
    await Promise.all([shop.evaluate(noise, half(1)), board.evaluate(noise, half(1))]);
    let counts = { events: 0, errors: 0 };
    const deadline = Date.now() + UNTIL_MS;
    while (counts.events < MIN_EVENTS || counts.errors < GRADED_ERRORS) {
      if (Date.now() > deadline) throw new Error(`the recording has only ${JSON.stringify(counts)}`);
      const records = await rig.collector.events();
      const errors = await rig.collector.events("severity:error");
      counts = { events: records.length, errors: errors.length };
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return await body(rig.collector, peer, counts);
  } finally {
    await peer?.close();
    await rig.close();
  }
}

/** @param {0 | 1} index */
const half = (index) => ({
  index,
  lines: LINES_PER_TAB / 2,
  polls: POLL_FAILURES / 4,
  printed: PRINTED_ERRORS / 4,
  single: index === 0 ? Math.ceil(ONE_OFF_ERRORS / 2) : Math.floor(ONE_OFF_ERRORS / 2),
});

/** Runs in the page. @param {ReturnType<typeof half>} amount */
async function noise({ index, lines, polls, printed, single }) {
  const isShop = location.pathname === "/shop";
  for (let line = 0; line < lines; line++) {
    console.log(`render ${line} of list ${line % 7} took ${(line * 13) % 29} ms`, { line });
    if (line % Math.floor(lines / polls) === 0 && line / Math.floor(lines / polls) < polls) {
      await fetch(`/api/poll?job=${line}`).catch(() => {});
    }
    if (line % Math.floor(lines / printed) === 1 && line / Math.floor(lines / printed) < printed) {
      console.error(`widget ${line} could not refresh`);
    }
    if (isShop && line % Math.floor(lines / single) === 2 && line / Math.floor(lines / single) < single) {
      const what = ["avatar", "banner", "coupon", "currency", "locale", "theme", "wishlist", "zoom"][
        Math.floor(line / Math.floor(lines / single))
      ];
      console.error(`${index === 0 ? "no" : "late"} ${what}`);
    }
    // The relay and the worker get their turn.
    if (line % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
