/** Rows: publish at 5 B, 1 KB and 8 KB, alone and 100 a call, with and without redaction. */
import { fileURLToPath } from "node:url";
import { runInPage } from "../lib/browser.mjs";
import { round, summary } from "../lib/stats.mjs";

const PAGE = fileURLToPath(new URL("publish.page.mjs", import.meta.url));
const SIZES = { 5: "5 B", 1024: "1 KB", 8192: "8 KB" };

/** Goals are for 1 KB; the other sizes are there to be looked at. */
const GOALS = { publish: 1.3, publish_redacted: 1.6 };

export const name = "publish";

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const options = {
    sizes: Object.keys(SIZES).map(Number),
    rounds: quick ? 5 : 15,
    sampleMs: quick ? 40 : 150,
  };
  const { browser, result } = await runInPage(PAGE, options);
  const made = [];
  for (const [size, label] of Object.entries(SIZES)) {
    const { samples, bytes } = result[size];
    const figures = Object.fromEntries(Object.entries(samples).map(([who, all]) => [who, summary(all)]));
    const { floor, plain_js_ring, opentelemetry_js } = figures;
    const peers = { plain_js_ring: plain_js_ring.median, opentelemetry_js: opentelemetry_js.median };
    for (const who of ["publish", "publish_redacted", "publish_batch", "publish_batch_redacted"]) {
      const ours = figures[who];
      const ratio_to_floor = round(ours.median / floor.median);
      const goal = size === "1024" ? GOALS[who] : undefined;
      made.push({
        name: `${who} ${label}`,
        unit: "µs/event",
        ours: ours.median,
        spread: [ours.low, ours.high],
        floor: floor.median,
        peers,
        ratio_to_floor,
        ratio_to_best_peer: round(ours.median / Math.min(...Object.values(peers))),
        goal: goal === undefined ? null : `≤ ${goal}× floor`,
        met: goal === undefined ? null : ratio_to_floor <= goal,
        notes: `${bytes} bytes of JSON; Chromium ${browser}; ${ours.runs} rounds`,
      });
    }
  }
  return made;
}
