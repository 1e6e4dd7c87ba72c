/**
 * Rows: publish at 5 B, 1 KB and 8 KB, alone and 100 a call, with and without redaction; in wasm, from object to
 * ring, and natively, from text to ring. All events have the same address, except in the rows of many kinds, where 64
 * addresses alternate.
 */
import { fileURLToPath } from "node:url";
import { capture, run } from "../../scripts/lib/run.mjs";
import { Tell } from "../../scripts/lib/say.mjs";
import { runInPage } from "../lib/browser.mjs";
import { eventOf } from "../lib/event.mjs";
import { overFloor } from "../lib/row.mjs";
import { round, summary } from "../lib/stats.mjs";

const PAGE = fileURLToPath(new URL("publish.page.mjs", import.meta.url));
const SIZES = { 5: "5 B", 1024: "1 KB", 8192: "8 KB" };
const OURS = [
  "publish",
  "publish_of_many_kinds",
  "publish_redacted",
  "publish_batch",
  "publish_batch_redacted",
];

/** DESIGN §10: for 1 KB in wasm; the other rows are there to be looked at. */
const GOALS = {
  publish: {
    text: "≤ 1.3× floor, ≤ ¼ of OpenTelemetry JS, below a plain ring",
    met: (ratio, ours, peers) =>
      ratio <= 1.3 && ours <= peers.opentelemetry_js / 4 && ours < peers.plain_js_ring,
  },
  publish_redacted: { text: "≤ 1.6× floor", met: (ratio) => ratio <= 1.6 },
};

export const name = "publish";
export const parts = ["wasm", "npm"];

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const rounds = quick ? 5 : 15;
  const sizes = quick ? [1_024] : Object.keys(SIZES).map(Number);
  const inWasm = await runInPage(PAGE, {
    sizes,
    rounds,
    sampleMs: quick ? 40 : 150,
  });
  const native = await natively(sizes, rounds, quick ? 10 : 100);
  return sizes.flatMap((size, index) => {
    const label = SIZES[size];
    const { samples, bytes } = inWasm.result[size];
    const goals = size === 1_024 ? GOALS : {};
    return [
      ...rowsOf(`${label} wasm`, samples, goals, `${bytes} bytes of JSON; Chromium ${inWasm.browser}`),
      ...rowsOf(`${label} native`, native[index], {}, `${bytes} bytes of JSON; floor: serde_json::to_writer`),
    ];
  });
}

/** @param {string} where @param {Record<string, number[]>} samples @param {Partial<typeof GOALS>} goals @param {string} notes */
function rowsOf(where, samples, goals, notes) {
  const figures = Object.fromEntries(Object.entries(samples).map(([who, all]) => [who, summary(all)]));
  const others = Object.entries(figures).filter(([who]) => who !== "floor" && !OURS.includes(who));
  const peers = Object.fromEntries(others.map(([who, { median }]) => [who, median]));
  const isNative = where.endsWith("native");
  return OURS.filter((who) => !isNative || who !== "publish_of_many_kinds").map((who) => {
    const { median, runs } = figures[who];
    // Some rounds take twice as long as others. So each is compared with the floor of its own round.
    const ratio = summary(samples[who].map((sample, at) => sample / samples.floor[at])).median;
    const fields = { ...overFloor(figures[who], figures.floor), ratio_to_floor: round(ratio) };
    const goal = goals[who];
    return {
      name: `${who} ${where}`,
      unit: "µs/event",
      ...fields,
      peers,
      ratio_to_best_peer: round(median / Math.min(...Object.values(peers))),
      goal: goal?.text ?? null,
      met: goal?.met(ratio, median, peers) ?? null,
      notes: `${notes}; ${runs} rounds; the ratio is the median of theirs`,
    };
  });
}

/** Samples of each size, by contender. @param {number[]} sizes @param {number} rounds @param {number} sampleMs */
async function natively(sizes, rounds, sampleMs) {
  await run("Build the native benchmark", "cargo", ["build", "--release", "--bench", "publish"]);
  const events = JSON.stringify(sizes.map(eventOf));
  const cargo = ["bench", "--quiet", "--bench", "publish", "--", String(rounds), String(sampleMs)];
  const { status, stdout, output } = await capture("cargo", cargo, { input: events });
  if (status !== 0) throw new Tell(`the native benchmark failed: ${output}`);
  return JSON.parse(stdout);
}
