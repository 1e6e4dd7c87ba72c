/** The range of time that the timeline shows: from the session's first record to its last. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Feed } from "../data/feed";
import type { Range } from "../data/range";
import type { SessionSummary } from "../data/source";

/** While the session grows, the end moves in steps of this share, so that not each event moves everything. */
const STEPS = 200;
/** A session that has just begun still gets an axis. */
const LEAST_MICROS = 10e6;

export function domainOf(
  session: ReadonlySignal<SessionSummary | null>,
  feed: ReadonlySignal<Feed | null>,
): ReadonlySignal<Range> {
  let last = { from: 0, to: 0, step: 0 };
  return computed(() => {
    const known = session.value;
    const read = feed.value;
    void read?.version.value;
    const some = read !== null && read.length > 0;
    const from = known?.first_ts ?? (some ? read.ts(0) : 0);
    const newest = some ? read.ts(read.length - 1) : 0;
    const end = Math.max(known?.last_ts ?? 0, newest, from + LEAST_MICROS);
    if (last.from === from && end <= last.to && end > last.to - 2 * last.step) return last;
    const step = Math.ceil((end - from) / STEPS);
    last = { from, to: end + step, step };
    return last;
  });
}
