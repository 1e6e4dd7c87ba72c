/** Values of the DevTools protocol in our units and shapes. */

export function nowMicros(): number {
  return Date.now() * 1000;
}

/** Tenths of a millisecond; null for what is not known. */
export function milliseconds(ms: number): number | null {
  return Number.isFinite(ms) ? Math.round(ms * 10) / 10 : null;
}

/** The protocol's headers are an object; ours are pairs, as webRequest has them. A repeated one is split by `\n`. */
export function headerPairs(headers: unknown): [string, string][] {
  return Object.entries((headers ?? {}) as Record<string, string>).flatMap(([name, value]) =>
    value.split("\n").map((one): [string, string] => [name, one]),
  );
}
