/**
 * Rows: a page that logs at a steady rate, recorded to the collector's store: what arrives, how late a subscriber has
 * it, and what it costs all processes together, over the same page when it is not recorded, next to other recorders.
 * And what arrives of a burst, and of a time in which the collector was away.
 */
import { serve } from "../../scripts/lib/port.mjs";
import { descends, processes, processorMicros } from "../../scripts/lib/processes.mjs";
import { bodyOf, countOf, PEERS, recorderScripts, recorderTag } from "../lib/recorders.mjs";
import { RECORDING_PARTS, recording } from "../lib/recording.mjs";
import { row } from "../lib/row.mjs";
import { percentile, round } from "../lib/stats.mjs";
import { Subscriber } from "../lib/subscriber.mjs";
import { within } from "../lib/within.mjs";
import { callsOf, countCalls } from "../lib/worker_calls.mjs";

const RATES = [100, 1_000, 5_000, 10_000];
const QUICK_RATES = [1_000, 10_000];
/** Rates that are measured again while no reader follows the collector's stream. */
const UNWATCHED_RATES = [100, 1_000];
const UNWATCHED_SECONDS = 20;
/** Time for the last lines to be stored. */
const STORED_MS = 1_000;
const GOAL_P50_MS = 50;
const GOAL_P99_MS = 250;
const GOAL_MICROS = 60;
/** No goal of latency at other rates: few lines wait for each other, and a full machine queues. */
const LATENCY_RATES = [1_000, 5_000];
const BURST = 100_000;
const OUTAGE = { rate: 1_000, seconds: 30, away: 15 };
const LIMIT_MS = 120_000;
/** A peer is compared in cost if it has kept this share of the lines. */
const KEPT = 0.999;
const KINDS = ["browser", "renderer", "extension", "other", "collector"];

export const name = "throughput";
export const parts = RECORDING_PARTS;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const steady = await measure({
    rates: quick ? QUICK_RATES : RATES,
    seconds: quick ? 2 : 60,
    peers: quick ? [] : PEERS,
    peerSeconds: 15,
    unwatched: quick ? [] : UNWATCHED_RATES,
  });
  if (quick) return steady;
  const burst = await arrival("a burst of 100,000", { rate: BURST * 1_000, seconds: 0.001 });
  return [...steady, burst, await arrival("collector away for 15 s", OUTAGE)];
}

/**
 * With what is built.
 * @param {{ rates: number[], seconds: number, peers: string[], peerSeconds: number, unwatched: number[] }} plan
 */
export async function measure({ rates, seconds, peers, peerSeconds, unwatched }) {
  const [recorded, bare] = await Promise.all([servePage(), servePage()]);
  try {
    return await recording([recorded.host], async (recorder, _, collector) => {
      const subscriber = await Subscriber.open(collector, "category:console type:console.info");
      const worker = await countCalls(recorder);
      const made = [];
      const floors = new Map();
      for (const rate of rates) {
        const plan = { recorder, collector, rate, seconds };
        const without = await phase({ ...plan, site: bare, until: null });
        floors.set(rate, perEvent(without.micros, without.emitted));
        /** @type {Record<string, any>} */
        const others = {};
        for (const who of peers)
          others[who] = await phase({ ...plan, site: bare, seconds: peerSeconds, until: null, who });
        const before = { stored: await storedIn(collector), calls: await callsOf(worker) };
        const latencies = subscriber.collect();
        const figures = await phase({ ...plan, site: recorded, until: subscriber });
        const after = { stored: await storedIn(collector), calls: await callsOf(worker) };
        made.push(...rowsOf({ rate, seconds, without, others, figures, latencies, before, after }));
      }
      await subscriber.close();
      for (const rate of unwatched) {
        const before = await storedIn(collector);
        const until = { sees: () => new Promise((resolve) => setTimeout(resolve, STORED_MS, true)) };
        const plan = { recorder, collector, rate, seconds: UNWATCHED_SECONDS };
        const { micros } = await phase({ ...plan, site: recorded, until });
        const arrived = (await storedIn(collector)).events - before.events;
        made.push(unwatchedRow({ rate, micros, arrived, floor: floors.get(rate) }));
      }
      return made;
    });
  } finally {
    recorded.close();
    bare.close();
  }
}

/**
 * Measures how many of a page's lines arrive, and how long after the last call.
 * @param {string} title @param {{ rate: number, seconds: number, away?: number }} plan
 */
async function arrival(title, { rate, seconds, away }) {
  const site = await servePage();
  try {
    return await recording([site.host], async (recorder, _, first, restart) => {
      let collector = first;
      const said = site.next(null, () => ({}));
      await recorder.openOnly(`${site.origin}/page?rate=${rate}&seconds=${seconds}`);
      if (away !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        collector = await restart(() => new Promise((resolve) => setTimeout(resolve, away * 1_000)));
      }
      const { emitted } = await said;
      const ended = performance.now();
      let stored = await storedIn(collector);
      while (stored.events + stored.gapSeqs < emitted && performance.now() - ended < LIMIT_MS) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        stored = await storedIn(collector);
      }
      return row({
        name: `${title}, arrived`,
        unit: "%",
        ours: round((100 * stored.events) / emitted),
        peers: { emitted, arrived: stored.events, "in gaps": stored.gapSeqs },
        goal: "each arrives or is in a gap",
        met: stored.events + stored.gapSeqs >= emitted,
        notes: `everything was stored ${round((performance.now() - ended) / 1_000)} s after the last call`,
      });
    });
  } finally {
    site.close();
  }
}

/** One page, from its first line until the last one is at the subscriber; without one, until the page has ended. */
async function phase({ recorder, collector, site, rate, seconds, until, who = "" }) {
  const run = site.next(until, () => processorOf(recorder.browser.pid, collector.pid));
  await recorder.openOnly(`${site.origin}/page?rate=${rate}&seconds=${seconds}&who=${who}`);
  return await within(run, LIMIT_MS + seconds * 1_000, `${rate} events a second did not end`);
}

/** Microseconds on a processor, by kind of process. */
function processorOf(browser, collector) {
  const micros = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  micros.collector = processorMicros(collector);
  processes(({ pid, command }) => {
    if (!descends(pid, browser)) return false;
    const isPage = command.includes("--type=renderer");
    const isExtension = command.includes("--extension-process");
    micros[pid === browser ? "browser" : isExtension ? "extension" : isPage ? "renderer" : "other"] +=
      processorMicros(pid);
    return false;
  });
  return micros;
}

/** Stored console events, and seqs that gaps cover, over all sessions. */
async function storedIn({ url, token }) {
  const answer = await fetch(`${url}/v1/sessions`, { headers: { authorization: `Bearer ${token}` } });
  const { sessions } = await answer.json();
  const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
  return {
    events: sum(sessions.map(({ counts }) => sum(counts.console ?? {}))),
    gapSeqs: sum(sessions.map(({ gaps }) => sum(gaps))),
  };
}

const sumOf = (micros) => KINDS.reduce((total, kind) => total + micros[kind], 0);
const perEvent = (micros, count) => sumOf(micros) / count;
const eachPerEvent = (micros, count) =>
  Object.fromEntries(KINDS.map((kind) => [kind, round(micros[kind] / count)]));

function unwatchedRow({ rate, micros, arrived, floor }) {
  const ours = perEvent(micros, arrived);
  return row({
    name: `${rate} events a second, nobody watching, processor`,
    unit: "µs/event over bare",
    ours: round(ours - floor),
    floor: round(floor),
    ratio_to_floor: round(ours / floor),
    peers: eachPerEvent(micros, arrived),
    notes: `no one follows the collector's stream; for ${UNWATCHED_SECONDS} s`,
  });
}

function rowsOf({ rate, seconds, without, others, figures, latencies, before, after }) {
  const { emitted, elapsed } = figures;
  const arrived = after.stored.events - before.stored.events;
  const lost = after.stored.gapSeqs - before.stored.gapSeqs;
  const p50 = percentile(latencies, 0.5);
  const p99 = percentile(latencies, 0.99);
  // Dropped events cost something as well: the goal is for what arrives.
  const ours = perEvent(figures.micros, arrived);
  const floor = perEvent(without.micros, without.emitted);
  const over = round(ours - floor);
  const calls = Object.entries(after.calls).map(
    ([call, count]) => `${call} ${round(((count - (before.calls[call] ?? 0)) * 1_000) / arrived)}`,
  );
  const hasGoal = LATENCY_RATES.includes(rate);
  const shares = Object.entries(others).map(([who, { emitted, received }]) => [who, received / emitted]);
  const rivals = shares
    .filter(([, share]) => share >= KEPT)
    .map(([who]) => [who, round(perEvent(others[who].micros, others[who].emitted) - floor)]);
  const best = Math.min(...rivals.map(([, micros]) => micros));
  return [
    row({
      name: `${rate} events a second, arrived`,
      unit: "%",
      ours: round((100 * arrived) / emitted),
      peers: {
        emitted,
        arrived,
        "in gaps": lost,
        ...Object.fromEntries(shares.map(([who, share]) => [`${who} %`, round(100 * share)])),
      },
      goal: "100 %",
      met: arrived === emitted && lost === 0,
      notes: `emitted in ${round(elapsed / 1_000)} s, bare in ${round(without.elapsed / 1_000)} s, for ${seconds} s`,
    }),
    row({
      name: `${rate} events a second, page → SSE`,
      unit: "ms p50",
      ours: p50,
      spread: [p50, p99],
      peers: { p99 },
      goal: hasGoal ? `p50 ≤ ${GOAL_P50_MS}, p99 ≤ ${GOAL_P99_MS}` : null,
      met: hasGoal ? p50 <= GOAL_P50_MS && p99 <= GOAL_P99_MS : null,
      plot: {
        of: "From a console call to a subscriber",
        x: { "calls a second": rate },
        y: { ms: { p50, p99 } },
      },
      notes: `${latencies.length} of ${emitted}`,
    }),
    row({
      name: `${rate} events a second, processor`,
      unit: "µs/event over bare",
      ours: over,
      floor: round(floor),
      ratio_to_floor: round(ours / floor),
      peers: { ...eachPerEvent(figures.micros, arrived), ...Object.fromEntries(rivals) },
      ratio_to_best_peer: rivals.length > 0 ? round(over / best) : null,
      goal: `≤ ${GOAL_MICROS}, below each peer that keeps all`,
      met: over <= GOAL_MICROS && over < best,
      plot: {
        of: "Processor time of all processes",
        x: { "calls a second": rate },
        y: { "µs per event": { "not recorded": round(floor), recorded: round(ours) } },
      },
      notes: `bare: ${JSON.stringify(eachPerEvent(without.micros, without.emitted))}; calls of the worker for 1,000 events: ${calls.join(", ")}`,
    }),
  ];
}

/** Serves the page, which reports when it begins and ends. */
async function servePage() {
  /** @type {{ until: Subscriber | null, measure: () => Record<string, number>, resolve: (figures: any) => void }} */
  let turn;
  let before = {};
  let received = 0;
  const scripts = await recorderScripts();
  const site = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://a");
    if (pathname === "/page") {
      const recorder = recorderTag(searchParams.get("who") ?? "");
      response
        .setHeader("content-type", "text/html")
        .end(`<!doctype html>${recorder}<script>(${inPage})()</script>`);
    } else if (pathname in scripts) {
      response.setHeader("content-type", "text/javascript; charset=utf-8").end(scripts[pathname]);
    } else if (pathname.startsWith("/sink/")) {
      received += countOf(await bodyOf(request));
      response.end("{}");
    } else if (pathname === "/begin") {
      received = 0;
      before = turn.measure();
      response.end();
    } else if (pathname === "/end") {
      const isOver = turn.until === null || (await turn.until.sees(`end ${searchParams.get("id")}`));
      response.end(isOver ? "over" : "");
      if (!isOver) return;
      const after = turn.measure();
      const micros = Object.fromEntries(KINDS.map((kind) => [kind, after[kind] - before[kind]]));
      const [emitted, elapsed] = ["emitted", "elapsed"].map((field) => Number(searchParams.get(field)));
      turn.resolve({ micros, emitted, elapsed, received });
    } else {
      response.end();
    }
  });
  return {
    ...site,
    next: (until, measure) =>
      new Promise((resolve) => {
        turn = { until, measure, resolve };
      }),
  };
}

/**
 * In the page. Every 50th line is for the subscriber, if no other recorder is on the page. Late lines come in bursts of
 * at most 100 ms.
 */
function inPage() {
  const query = new URLSearchParams(location.search);
  const [rate, seconds] = [Number(query.get("rate")), Number(query.get("seconds"))];
  const isOther = Boolean(query.get("who"));
  const PROBE = 50;
  const MAX_BEHIND_MS = 100;
  const id = crypto.randomUUID();
  let emitted = 0;
  const log = () => {
    if (emitted % PROBE === 0 && !isOther) console.info("probe", { a: emitted });
    else console.log("x", { a: emitted });
    emitted++;
  };
  const end = async (elapsed) => {
    // Peers send late; what has not left by now is lost with the page.
    if (isOther) {
      await globalThis.finishRecorder?.();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await fetch(`/end?id=${id}&emitted=${emitted}&elapsed=${elapsed}`);
      return;
    }
    let answer = "";
    while (answer !== "over") {
      console.info(`end ${id}`);
      emitted++;
      answer = await (await fetch(`/end?id=${id}&emitted=${emitted}&elapsed=${elapsed}`)).text();
    }
  };
  const begin = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await fetch("/begin");
    const began = performance.now();
    let due = began;
    const step = () => {
      const now = performance.now();
      due = Math.max(due, now - MAX_BEHIND_MS);
      for (; due <= now && emitted < rate * seconds; due += 1_000 / rate) log();
      if (emitted < rate * seconds) setTimeout(step, 0);
      else void end(performance.now() - began);
    };
    step();
  };
  void begin();
}
