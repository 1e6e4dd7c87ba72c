/**
 * Content within the bytes an event may have, as JSON in UTF-8.
 *
 * Nearly all of it is far below, and one comparison says so: no UTF-16 unit takes more than three bytes.
 */

import { utf8Length } from "./natives.ts";

/** A part of fewer bytes is left out. */
export const LEAST_PART = 16;

export function fits(json: string, maxBytes: number): boolean {
  return json.length * 3 <= maxBytes || (json.length <= maxBytes && utf8Length(json) <= maxBytes);
}

/**
 * Returns the result of `make` with the most bytes per part, halved until it fits together
 * with the `textBytes` that the core adds to the last result.
 */
export function shrink(
  maxBytes: number,
  make: (partBytes: number) => string,
  textBytes: () => number,
): string {
  // There are up to three parts, and each may grow where JSON escapes it.
  for (let part = maxBytes >> 2; part > 0; part >>= 1) {
    const json = make(part);
    if (fits(json, maxBytes - textBytes())) return json;
  }
  return "{}";
}
