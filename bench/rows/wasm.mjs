/** Row: what an extension's worker compiles at every start and an install downloads. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { dist } from "../../scripts/lib/paths.mjs";
import { round } from "../lib/stats.mjs";

const GOAL_KB = 100;

export const name = "wasm";

export async function rows() {
  const bytes = gzipSync(readFileSync(dist("wasm", "tabtape.wasm")), { level: 9 }).length;
  return [
    {
      name: "wasm, gzipped",
      unit: "KB",
      ours: round(bytes / 1000),
      floor: null,
      peers: {},
      ratio_to_floor: null,
      ratio_to_best_peer: null,
      goal: `≤ ${GOAL_KB} KB`,
      met: bytes <= GOAL_KB * 1000,
    },
  ];
}
