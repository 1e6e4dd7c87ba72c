/** The rows of a feed that are in view, given a time range and a pause. */
import type { Feed } from "./data/feed";
import type { Range } from "./data/range";

export interface Rows {
  readonly length: number;
  /** The feed's row behind row `i` of the view. */
  feedRow(i: number): number;
  /** The view's row of a feed row, or -1. */
  viewRow(feedRow: number): number;
}

const NONE: Rows = { length: 0, feedRow: (i) => i, viewRow: () => -1 };

/** `pausedAt` is the length the feed's tail had when the view was frozen. */
export function rowsOf(feed: Feed | null, range: Range | null, pausedAt: number | null): Rows {
  if (feed === null) return NONE;
  const end = pausedAt === null ? feed.length : feed.head.length + pausedAt;
  if (range === null) {
    return { length: end, feedRow: (i) => i, viewRow: (i) => (i < end ? i : -1) };
  }
  const picked = new Uint32Array(end);
  let length = 0;
  for (let i = 0; i < end; i++) {
    const ts = feed.ts(i);
    if (ts >= range.from && ts <= range.to) picked[length++] = i;
  }
  return { length, feedRow: (i) => picked[i] ?? 0, viewRow: (row) => indexOf(picked, length, row) };
}

/** Binary search in the first `length` of ascending numbers. */
function indexOf(sorted: Uint32Array, length: number, value: number): number {
  let low = 0;
  let high = length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? 0;
    if (at === value) return middle;
    if (at < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
