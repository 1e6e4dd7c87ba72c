/** Rows: what one console call and one `fetch` cost the page that makes it, bare, with us and with others' recorders. */
import { fileURLToPath } from "node:url";
import { serve } from "../../scripts/lib/port.mjs";
import { descends, mainThreadNanos, processes } from "../../scripts/lib/processes.mjs";
import { bundled } from "../lib/bundled.mjs";
import { bodyOf, countOf, PEERS } from "../lib/recorders.mjs";
import { RECORDING_PARTS, recording } from "../lib/recording.mjs";
import { compared, row } from "../lib/row.mjs";
import { within } from "../lib/within.mjs";

const PAGE = fileURLToPath(new URL("page.page.mjs", import.meta.url));
/** Those that observe `fetch`, as they are set up by default. */
const REQUEST_PEERS = ["sentry", "datadog"];
/** Compared in the rows of both kinds. */
const QUICK_PEERS = ["sentry"];
/** DESIGN §10: of the page's thread, over bare. */
const GOAL_MICROS = 10;
const LIMIT_MS = 900_000;

export const name = "page";
export const parts = RECORDING_PARTS;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const plan = quick
    ? { rounds: 1, calls: 400, chunk: 20, peers: QUICK_PEERS }
    : { rounds: 7, calls: 4_000, chunk: 20, peers: PEERS };
  /** @type {number | undefined} */
  let browser;
  const site = await servePages(plan, () => pagesMicros(browser));
  try {
    return await recording([site.recorded.host], async (recorder, query) => {
      browser = recorder.browser.pid;
      await recorder.open(site.first);
      const late = `the console rows took longer than ${LIMIT_MS / 1000} s`;
      await within(site.measured, LIMIT_MS, late);
      const stored = await query("type:console.log x");
      return [
        ...consoleRows(site.results, kept(site, plan, stored.length), plan),
        ...requestRows(site.results, plan),
      ];
    });
  } finally {
    site.close();
  }
}

/** @param {Record<string, any[]>} results @param {Record<string, string>} kept @param {any} plan */
function consoleRows(results, kept, { rounds, calls, chunk, peers }) {
  const titles = {
    cpu: "console.log, the page's thread on a processor, with all it defers",
    mean: "console.log in the page, mean",
    p99: "console.log in the page, p99",
    flood: "flood of console.log, with all it defers",
    floodP99: "console.log in that flood, p99",
    longest: "longest task in that flood",
  };
  return Object.entries(titles).map(([figure, title]) => {
    const { ours, bare, best, fields } = compared(results, figure, peers);
    const below = ["below every peer", ours.median < best];
    const noWorse = ["no worse than the best peer", ours.median <= best];
    const cpu = [
      `≤ ${GOAL_MICROS} µs over bare, below every peer`,
      ours.median - bare.median <= GOAL_MICROS && ours.median < best,
    ];
    const goals = { cpu, mean: below, p99: noWorse, flood: below, floodP99: noWorse };
    const [goal, met] = goals[figure] ?? [null, null];
    return row({
      ...fields,
      name: title,
      unit: figure === "longest" ? "ms" : "µs/call",
      goal,
      met,
      notes: `floor: no recorder; ${rounds} rounds of ${calls} calls, ${chunk} a task, a quarter as many at 1,000 a second; kept: ${JSON.stringify(kept)}`,
    });
  });
}

/** @param {Record<string, any[]>} results @param {any} plan */
function requestRows(results, { rounds, calls, peers }) {
  const titles = {
    call: "fetch, the call itself",
    request: "fetch with its response, the page's thread on a processor",
  };
  return Object.entries(titles).map(([figure, title]) => {
    const observers = REQUEST_PEERS.filter((peer) => peers.includes(peer));
    const { ours, best, fields } = compared(results, figure, observers);
    return row({
      ...fields,
      name: title,
      unit: "µs/call",
      goal: "below every peer",
      met: ours.median < best,
      notes: `floor: no recorder; ${rounds} rounds of ${calls / 4} requests, one after the other`,
    });
  });
}

/** Microseconds for which the threads of the browser's pages were on a processor; Linux alone tells. */
function pagesMicros(browser) {
  const isPage = ({ pid, command }) =>
    command.includes("--type=renderer") && !command.includes("--extension-process") && descends(pid, browser);
  return mainThreadNanos(processes(isPage)) / 1_000;
}

/** Returns how many of the logged lines reached each store. */
function kept(site, { peers }, stored) {
  const of = (count) => `${count} of ${site.logged}`;
  return { ours: of(stored), ...Object.fromEntries(peers.map((peer) => [peer, of(site.received[peer])])) };
}

/** Serves the pages at two origins, one of them recorded, and sends them from one to the next. */
async function servePages({ rounds, calls, chunk, peers }, micros) {
  const script = await bundled({ entryPoints: [PAGE], format: "esm" });
  const contenders = ["bare", "ours", ...peers];
  const results = Object.fromEntries(contenders.map((who) => [who, []]));
  const received = Object.fromEntries(peers.map((peer) => [peer, 0]));
  let finish;
  const measured = new Promise((resolve) => {
    finish = resolve;
  });
  let turn = 0;

  const answer = async (request, response) => {
    const { pathname } = new URL(request.url, "http://a");
    const body = request.method === "POST" ? await bodyOf(request) : Buffer.alloc(0);
    // Isolated pages have clocks of 5 µs; others of 100.
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    if (pathname === "/page") {
      response
        .setHeader("content-type", "text/html")
        .end('<!doctype html><script type="module" src="/page.js"></script>');
    } else if (pathname === "/page.js") {
      response.setHeader("content-type", "text/javascript").end(script);
    } else if (pathname === "/small") {
      response.setHeader("content-type", "text/plain").end("small");
    } else if (pathname === "/processor") {
      response.end(String(micros()));
    } else if (pathname.startsWith("/sink/")) {
      const peer = pathname.slice("/sink/".length);
      received[peer] += countOf(body);
      response.end("{}");
    } else if (pathname === "/result") {
      const { who, figures } = JSON.parse(body.toString());
      results[who].push(figures);
      turn++;
      const next = turn < rounds * contenders.length ? consolePage(turn) : null;
      response.setHeader("content-type", "application/json").end(JSON.stringify({ next }));
      if (!next) finish();
    } else {
      response.writeHead(404).end();
    }
  };

  const [recorded, bare] = await Promise.all([serve(answer), serve(answer)]);
  const consolePage = (at) => {
    const who = contenders[at % contenders.length];
    const site = who === "ours" ? recorded : bare;
    return `${site.origin}/page?who=${who}&calls=${calls}&chunk=${chunk}`;
  };
  return {
    recorded,
    first: consolePage(0),
    measured,
    results,
    received,
    logged: rounds * (calls + calls / 4 + calls / 4),
    close: () => {
      recorded.close();
      bare.close();
    },
  };
}
