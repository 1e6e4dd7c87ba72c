/** Rows: what IndexedDB takes of 1 KB events, by the second and alone, in both durabilities; how a worker recovers. */
import { fileURLToPath } from "node:url";
import { runInPage } from "../lib/browser.mjs";
import { measured, overFloor, row } from "../lib/row.mjs";
import { round, summary } from "../lib/stats.mjs";

const PAGE = fileURLToPath(new URL("log.page.mjs", import.meta.url));

/** DESIGN §10. */
const LEAST_OF_FLOOR = 0.9;
const LEAST_OF_PEERS = 6;
/** Resuming, at any size of the log. */
const MOST_MS = 40;

export const name = "log";
export const parts = ["wasm", "npm"];

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const sizes = quick ? [1_000] : [1_000, 100_000, 1_000_000];
  const rounds = quick ? 3 : 9;
  const options = {
    throughput: {
      relaxed: {
        names: ["floor", "same_requests", "tabtape_lines", "tabtape_objects", "idb", "dexie"],
        events: quick ? 2_000 : 10_000,
        rounds,
      },
      strict: { names: ["floor", "same_requests", "tabtape_lines"], events: quick ? 2_000 : 10_000, rounds },
    },
    latency: { names: ["floor", "tabtape_lines"], rounds: quick ? 7 : 51 },
    recovery: { sizes, rounds: quick ? 3 : 15 },
  };
  const { browser, result } = await runInPage(PAGE, options);
  const { relaxed, strict, recovery } = result;
  const { idb, dexie } = relaxed;
  return [
    withRequests(durableRow("lines, relaxed", relaxed.tabtape_lines, relaxed.floor, {}, browser), relaxed),
    withRequests(durableRow("lines, strict", strict.tabtape_lines, strict.floor, {}, browser), strict),
    durableRow("objects, relaxed", relaxed.tabtape_objects, relaxed.floor, { idb, dexie }, browser),
    latencyRow("relaxed", relaxed.latency, browser),
    latencyRow("strict", strict.latency, browser),
    ...sizes.map((size) => recoveryRow(size, recovery[size], browser)),
  ];
}

/**
 * Adds the rate of the floor's bytes stored by the log's requests.
 * @param {ReturnType<typeof durableRow>} row @param {{ same_requests: number[] }} samples
 */
function withRequests(row, { same_requests }) {
  return { ...row, peers: { same_requests: summary(same_requests).median } };
}

/**
 * Peers are given objects, the floor is given bytes: what is held against the one is not held against the other.
 * @param {string} what @param {number[]} samples @param {number[]} floorSamples @param {Record<string, number[]>} peerSamples @param {string} browser
 */
function durableRow(what, samples, floorSamples, peerSamples, browser) {
  const ours = summary(samples);
  const fields = overFloor(ours, summary(floorSamples));
  const peers = Object.fromEntries(
    Object.entries(peerSamples).map(([peer, all]) => [peer, summary(all).median]),
  );
  const hasPeers = Object.keys(peers).length > 0;
  const ratio_to_best_peer = hasPeers ? round(ours.median / Math.max(...Object.values(peers))) : null;
  return {
    name: `durable 1 KB ${what}`,
    unit: "events/s",
    ...fields,
    peers,
    ratio_to_best_peer,
    goal: hasPeers ? `≥ ${LEAST_OF_PEERS}× the best peer` : `≥ ${LEAST_OF_FLOOR}× floor`,
    met: hasPeers ? ratio_to_best_peer >= LEAST_OF_PEERS : fields.ratio_to_floor >= LEAST_OF_FLOOR,
    notes: `floor: one 500 KB value a transaction; peers: one record a put, 500 a transaction; Chromium ${browser}; ${ours.runs} rounds`,
  };
}

/** @param {string} durability @param {{ floor: number[], tabtape_lines: number[] }} times @param {string} browser */
function latencyRow(durability, times, browser) {
  const ours = summary(times.tabtape_lines);
  return row({
    name: `one event durable, ${durability}`,
    unit: "ms",
    ...overFloor(ours, summary(times.floor)),
    notes: `from an idle log; floor: one value of 1 KB; Chromium ${browser}; ${ours.runs} rounds`,
  });
}

/** @param {number} size @param {{ accepted: number[], committed: number[] }} times @param {string} browser */
function recoveryRow(size, times, browser) {
  const ours = summary(times.accepted);
  const committed = summary(times.committed);
  return row({
    name: `recovery, ${size.toLocaleString("en")} events`,
    unit: "ms",
    ...measured(ours),
    goal: `≤ ${MOST_MS} ms`,
    met: ours.median <= MOST_MS,
    notes: `from a new worker's first line, wasm included, to its first event's seq; committed after ${committed.median} ms; Chromium ${browser}; ${ours.runs} rounds`,
  });
}
