/**
 * When somebody was watching, from what the recorder says of itself: each worker's start, with the stretch
 * before it in which events of the worker's own may have been missed.
 */
import { asNumber, asObject, asString, isGap, parseLine } from "./record";

/** Unix microseconds. */
export interface Unwatched {
  from_ts: number;
  to_ts: number;
  reason: string;
}

export interface Coverage {
  /** Starts of the recorder's worker. */
  restarts: { ts: number; reason: string }[];
  unwatched: Unwatched[];
  ended: boolean;
}

export const NO_COVERAGE: Coverage = { restarts: [], unwatched: [], ended: false };

/** The events it is read from. */
export const COVERAGE_QUERY = "type:system.worker_started,system.session_ended";

/** How long nobody was watching, by session. @returns Microseconds; a session without holes is absent. */
export function unwatchedBySession(lines: string[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of lines) {
    const session = parseLine(line)?.capture_session_id;
    const micros = coverageFrom([line]).unwatched.reduce(
      (sum, { from_ts, to_ts }) => sum + to_ts - from_ts,
      0,
    );
    if (session !== undefined && micros > 0) sums.set(session, (sums.get(session) ?? 0) + micros);
  }
  return sums;
}

export function coverageFrom(lines: string[]): Coverage {
  const coverage: Coverage = { restarts: [], unwatched: [], ended: false };
  for (const line of lines) {
    const record = parseLine(line);
    if (record === null || isGap(record)) continue;
    const { event } = record;
    const data = asObject(event.data);
    if (event.type === "system.session_ended") {
      coverage.ended = true;
      continue;
    }
    const reason = asString(data.reason) ?? "";
    coverage.ended = false;
    coverage.restarts.push({ ts: event.ts, reason });
    const hole = asObject(data.unwatched);
    const from_ts = asNumber(hole.from_ts);
    const to_ts = asNumber(hole.to_ts);
    if (from_ts !== undefined && to_ts !== undefined) coverage.unwatched.push({ from_ts, to_ts, reason });
  }
  return coverage;
}
