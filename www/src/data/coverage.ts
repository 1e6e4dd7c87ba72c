/**
 * When somebody was watching, and for what: so that an empty stretch can be told from one that nobody saw.
 *
 * Sources tell it session by session, as the recorder said it; here it becomes stretches of the timeline. What a
 * local process publishes says nothing of what it watched: then it is not known.
 */
import type { Range } from "./range";
import { asArray, asNumber, asObject, asString, isGap, parseLine } from "./record";

/** Unix microseconds; no end: it goes on. */
export interface Watched {
  from_ts: number;
  to_ts: number | null;
  /** Categories that were on. */
  categories: string[];
}

/** What is known of one session. */
export interface Watching {
  watched: Watched[];
  /** While the recorder's worker was down. */
  unwatched: { from_ts: number; to_ts: number }[];
}

export interface Coverage extends Watching {
  /** Starts of the recorder's worker. */
  restarts: { ts: number; reason: string }[];
  ended: boolean;
}

export const NO_COVERAGE: Coverage = { watched: [], unwatched: [], restarts: [], ended: false };

/** The events that tell of the worker's starts. */
export const RESTARTS_QUERY = "type:system.worker_started";

export function restartsFrom(lines: string[]): Coverage["restarts"] {
  const restarts = [];
  for (const line of lines) {
    const record = parseLine(line);
    if (record === null || isGap(record)) continue;
    restarts.push({ ts: record.event.ts, reason: asString(asObject(record.event.data).reason) ?? "" });
  }
  return restarts;
}

/** What a source says of one session. */
export function watchingFrom(value: unknown): Watching {
  const { watched, unwatched } = asObject(value);
  const spans = <T>(list: unknown, make: (from_ts: number, to_ts: number | null, span: unknown) => T): T[] =>
    asArray(list).flatMap((span) => {
      const { from_ts, to_ts } = asObject(span);
      const from = asNumber(from_ts);
      return from === undefined ? [] : [make(from, asNumber(to_ts) ?? null, span)];
    });
  return {
    watched: spans(watched, (from_ts, to_ts, span) => ({
      from_ts,
      to_ts,
      categories: Object.keys(asObject(asObject(span).categories)),
    })),
    unwatched: spans(unwatched, (from_ts, to_ts) => ({ from_ts, to_ts: to_ts ?? from_ts })),
  };
}

/** Several sessions as one: what is watched in one is watched, whatever the others say. */
export function mergeCoverage(sessions: Iterable<Watching>): Watching {
  const all: Watching = { watched: [], unwatched: [] };
  for (const { watched, unwatched } of sessions) {
    all.watched.push(...watched.flatMap((stretch) => without(stretch, unwatched)));
    all.unwatched.push(...unwatched);
  }
  return all;
}

/** What is left of a stretch when these are taken out. */
function without(stretch: Watched, holes: Watching["unwatched"]): Watched[] {
  let left = [stretch];
  for (const hole of holes) {
    left = left.flatMap((part) => {
      const end = part.to_ts ?? Number.POSITIVE_INFINITY;
      if (hole.to_ts <= part.from_ts || hole.from_ts >= end) return [part];
      return [
        { ...part, to_ts: hole.from_ts },
        { ...part, from_ts: hole.to_ts },
      ].filter(({ from_ts, to_ts }) => from_ts < (to_ts ?? Number.POSITIVE_INFINITY));
    });
  }
  return left;
}

/** Whether anybody said what was watched. */
export function isTold({ watched }: Watching): boolean {
  return watched.length > 0;
}

/**
 * The stretches of a range in which nobody watched for any of `categories`; for anything at all when none is
 * named. In order, and apart from each other.
 */
export function holesIn({ watched }: Watching, { from, to }: Range, categories: string[]): Range[] {
  const wanted = watched.filter(
    (stretch) =>
      stretch.categories.length > 0 &&
      (categories.length === 0 || categories.some((name) => stretch.categories.includes(name))),
  );
  const holes: Range[] = [];
  // A range is at least the microsecond it begins with.
  const end = to + 1;
  let seen = from;
  for (const { from_ts, to_ts } of wanted.sort((a, b) => a.from_ts - b.from_ts)) {
    if (from_ts >= end) break;
    if (from_ts > seen) holes.push({ from: seen, to: Math.min(from_ts, to) });
    seen = Math.max(seen, to_ts ?? end);
  }
  if (seen < end) holes.push({ from: seen, to });
  return holes;
}

/** How long all of them last, in microseconds. */
export function lengthOf(ranges: Range[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}
