/**
 * Content within the bytes an event may have, as JSON in UTF-8.
 *
 * Nearly all of it is far below, and one comparison says so: no UTF-16 unit takes more than three bytes.
 */

import { min, utf8Length } from "./natives.ts";
import { MAX_TEXT } from "./text.ts";

/** A part of fewer bytes is left out. */
export const LEAST_PART = 16;
/** The most bytes that UTF-8 takes for one UTF-16 unit. */
const MOST_BYTES = 3;
/** The core's text of a value is at most so many times as long as its JSON: it adds only spaces. */
const TEXT_PER_JSON = 1.5;
/** The most bytes of the core's text: six of an escape for each character. */
const MOST_TEXT = 6 * MAX_TEXT;

/**
 * Reports whether `json` takes at most `maxBytes`, together with the text that the core writes from the values in
 * `textSource`, which is JSON too.
 */
export function fits(json: string, maxBytes: number, textSource = ""): boolean {
  const mostText = min(MOST_TEXT, textSource.length * MOST_BYTES * TEXT_PER_JSON);
  if (json.length * MOST_BYTES + mostText <= maxBytes) return true;
  const text = textSource === "" ? 0 : min(MOST_TEXT, utf8Length(textSource) * TEXT_PER_JSON);
  return json.length + text <= maxBytes && utf8Length(json) + text <= maxBytes;
}

/**
 * Returns the result of `make` with the most bytes per part, halved until it fits together with the text that the core
 * adds. `textSource` returns the values from which the core writes the text of the last result.
 */
export function shrink(
  maxBytes: number,
  make: (partBytes: number) => string,
  textSource: () => string,
): string {
  // There are up to three parts, and each may grow where JSON escapes it.
  for (let part = maxBytes >> 2; part > 0; part >>= 1) {
    const json = make(part);
    if (fits(json, maxBytes, textSource())) return json;
  }
  return "{}";
}
