/** Events counted over time, by category, for the timeline. A million headers take some milliseconds. */
import type { Columns } from "../data/columns";

export interface Bins {
  /** Unix seconds of each bin's start. */
  starts: number[];
  /** Counts by category id, each as long as `starts`. */
  byCategory: Map<number, Float64Array>;
}

/** `from` and `to` in Unix microseconds. */
export function bin(parts: Columns[], from: number, to: number, bins: number): Bins {
  const width = Math.max(1, (to - from) / bins);
  // Indexed by category id, because a map in the inner loop would be slow.
  const counted: (Float64Array | undefined)[] = [];
  for (const { ts, category, gap, length } of parts) {
    for (let i = 0; i < length; i++) {
      const at = Math.floor(((ts[i] ?? 0) - from) / width);
      if (at < 0 || at > bins || (gap[i] ?? 0) > 0) continue;
      const b = at === bins ? bins - 1 : at;
      const id = category[i] ?? 0;
      let counts = counted[id];
      if (counts === undefined) {
        counts = new Float64Array(bins);
        counted[id] = counts;
      }
      counts[b] = (counts[b] ?? 0) + 1;
    }
  }
  const byCategory = new Map<number, Float64Array>();
  counted.forEach((counts, id) => {
    if (counts !== undefined) byCategory.set(id, counts);
  });
  const starts = Array.from({ length: bins }, (_, i) => (from + i * width) / 1e6);
  return { starts, byCategory };
}

/**
 * Counts stacked for drawing: the first series is the sum of all, the last one category alone, so that
 * painting them in order leaves each category's own share in sight.
 */
export function stacked(bins: Bins, order: number[]): Float64Array[] {
  const series: Float64Array[] = [];
  let below = new Float64Array(bins.starts.length);
  for (const id of order) {
    const counts = bins.byCategory.get(id);
    below = below.map((n, i) => n + (counts?.[i] ?? 0));
    series.push(below);
  }
  return series.reverse();
}
