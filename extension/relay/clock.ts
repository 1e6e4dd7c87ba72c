/** The wall clock of the relay's own observations, kept as `page/natives.ts` keeps the hook's. */

/** Milliseconds between the two clocks from which on the wall clock has moved: a computer slept, or was set. */
const MAX_DRIFT_MS = 20;

let origin = Date.now() - performance.now();

/** Unix microseconds now. `performance.now()` stops while a computer sleeps, the wall clock does not. */
export function nowMicros(): number {
  const monotonic = performance.now();
  const current = Date.now() - monotonic;
  if (Math.abs(current - origin) > MAX_DRIFT_MS) origin = current;
  return microsAt(monotonic);
}

/**
 * Unix microseconds of a `performance.now()` of this document. A moment before the computer last slept comes out too
 * late by that sleep; entries are observed soon after they end.
 */
export function microsOf(performanceMs: number): number {
  nowMicros();
  return microsAt(performanceMs);
}

function microsAt(performanceMs: number): number {
  return Math.round((origin + performanceMs) * 1000);
}
