/**
 * Coverage: the times in which a recorder ran, and the categories that it recorded. With it, a stretch without
 * events can be distinguished from one that was not recorded.
 *
 * Sources report coverage by session. A local process that publishes events reports none.
 */
import type { Range } from "./range";
import { asArray, asNumber, asObject, asString, eventsIn } from "./record";

/** Unix microseconds; without an end while it continues. */
interface Watched {
  from_ts: number;
  to_ts: number | null;
  /** Categories that were on. */
  categories: string[];
}

/** A document of which an unknown number of events may be missing in a span of time. */
export interface LostDocument {
  from_ts: number;
  to_ts: number;
  tab: string;
  reason: string;
}

/** The coverage of one session. */
export interface Watching {
  watched: Watched[];
  /** Times in which the recorder's worker was down. */
  unwatched: { from_ts: number; to_ts: number }[];
  lost: LostDocument[];
}

export interface Coverage extends Watching {
  /** Starts of the recorder's worker. */
  restarts: { ts: number; reason: string }[];
  ended: boolean;
}

export const NO_COVERAGE: Coverage = { watched: [], unwatched: [], lost: [], restarts: [], ended: false };

/** Selects the events that report a start of the worker. */
export const RESTARTS_QUERY = "type:system.worker_started";

export function restartsFrom(lines: string[]): Coverage["restarts"] {
  return eventsIn(lines).map(({ event: { ts, data } }) => ({
    ts,
    reason: asString(asObject(data).reason) ?? "",
  }));
}

/** Reads the coverage of sessions from a source's answer. */
export function coverageFrom(reply: unknown): Map<string, Watching> {
  const sessions = asArray(asObject(reply).sessions);
  return new Map(sessions.map((one) => [asString(asObject(one).session) ?? "", watchingFrom(one)]));
}

/** Reads the coverage of one session from a source's answer. */
export function watchingFrom(value: unknown): Watching {
  const { watched, unwatched, lost } = asObject(value);
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
    lost: spans(lost, (from_ts, to_ts, span) => {
      const { tab_id, reason } = asObject(span);
      return {
        from_ts,
        to_ts: to_ts ?? from_ts,
        tab: asString(tab_id) ?? "",
        reason: asString(reason) ?? "",
      };
    }),
  };
}

/** Merges sessions: a time is watched if it is watched in one of them. */
export function mergeCoverage(sessions: Iterable<Watching>): Watching {
  const all: Watching = { watched: [], unwatched: [], lost: [] };
  for (const { watched, unwatched, lost } of sessions) {
    all.lost.push(...lost);
    all.watched.push(...watched.flatMap((stretch) => without(stretch, unwatched)));
    all.unwatched.push(...unwatched);
  }
  return all;
}

/** Returns the parts of a stretch outside of `removed`. */
function without(stretch: Watched, removed: Watching["unwatched"]): Watched[] {
  let left = [stretch];
  for (const span of removed) {
    left = left.flatMap((part) => {
      const end = part.to_ts ?? Number.POSITIVE_INFINITY;
      if (span.to_ts <= part.from_ts || span.from_ts >= end) return [part];
      return [
        { ...part, to_ts: span.from_ts },
        { ...part, from_ts: span.to_ts },
      ].filter(({ from_ts, to_ts }) => from_ts < (to_ts ?? Number.POSITIVE_INFINITY));
    });
  }
  return left;
}

/** Whether coverage was reported at all. */
export function isReported({ watched }: Watching): boolean {
  return watched.length > 0;
}

/**
 * Returns the stretches of a range in which none of `categories` was recorded, or nothing at all if no category
 * is given. They are in order and do not overlap.
 */
export function unwatchedIn({ watched }: Watching, { from, to }: Range, categories: string[]): Range[] {
  const wanted = watched.filter(
    (stretch) =>
      stretch.categories.length > 0 &&
      (categories.length === 0 || categories.some((name) => stretch.categories.includes(name))),
  );
  const found: Range[] = [];
  // Both ends are inclusive, so a range has at least one microsecond.
  const end = to + 1;
  let seen = from;
  for (const { from_ts, to_ts } of wanted.sort((a, b) => a.from_ts - b.from_ts)) {
    if (from_ts >= end) break;
    if (from_ts > seen) found.push({ from: seen, to: Math.min(from_ts, to) });
    seen = Math.max(seen, to_ts ?? end);
  }
  if (seen < end) found.push({ from: seen, to });
  return found;
}

/** Returns the documents of which something may be missing in a range. */
export function lostIn({ lost }: Watching, { from, to }: Range): LostDocument[] {
  return lost.filter(({ from_ts, to_ts }) => from_ts <= to && to_ts >= from);
}

/** Returns the length of all ranges in microseconds. */
export function lengthOf(ranges: Range[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}
