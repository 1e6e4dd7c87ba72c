/** Rows: what an extension's worker compiles at every start and an install downloads. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { dist } from "../../scripts/lib/paths.mjs";
import { row } from "../lib/row.mjs";
import { round } from "../lib/stats.mjs";

const GOALS_KB = { wasm: 330, "wasm-core": 150 };

export const name = "wasm";
export const parts = ["wasm", "npm"];

export async function rows() {
  return Object.entries(GOALS_KB).map(([folder, goalKb]) => {
    const bytes = gzipSync(readFileSync(dist(folder, "tabtape.wasm")), { level: 9 }).length;
    return row({
      name: `${folder}, gzipped`,
      unit: "KB",
      ours: round(bytes / 1000),
      goal: `≤ ${goalKb} KB`,
      met: bytes <= goalKb * 1000,
    });
  });
}
