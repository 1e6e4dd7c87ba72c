/**
 * Serializes an observation as JSON within the bytes that an event may have, in UTF-8.
 *
 * Strings are truncated, the longest first; where that is not enough, the least important fields go, which are the last ones.
 */

/** A string truncated to less than this says nothing. */
const LEAST_STRING = 16;

export type Data = Record<string, unknown>;

/** No UTF-16 unit takes more than three bytes: mostly one comparison says that it fits. */
function fits(json: string, maxBytes: number): boolean {
  return (
    json.length * 3 <= maxBytes ||
    (json.length <= maxBytes && new TextEncoder().encode(json).length <= maxBytes)
  );
}

/** The data as JSON, and whether anything was truncated. */
export function jsonWithin(data: Data, maxBytes: number): { json: string; truncated: boolean } {
  const json = JSON.stringify(data);
  if (fits(json, maxBytes)) return { json, truncated: false };
  for (let longest = maxBytes >> 1; longest >= LEAST_STRING; longest >>= 1) {
    const shorter = JSON.stringify(data, (_, value) =>
      typeof value === "string" && value.length > longest ? prefix(value, longest) : value,
    );
    if (fits(shorter, maxBytes)) return { json: shorter, truncated: true };
  }
  return { json: fewer(data, maxBytes), truncated: true };
}

/** A string's beginning, half a character left out. */
export function prefix(text: string, length: number): string {
  const end = text.codePointAt(length - 1) ?? 0;
  return text.slice(0, end > 0xffff ? length - 1 : length);
}

function fewer(data: Data, maxBytes: number): string {
  const kept = Object.entries(data);
  while (kept.length > 0) {
    kept.pop();
    const json = JSON.stringify(Object.fromEntries(kept), (_, value) =>
      typeof value === "string" ? prefix(value, LEAST_STRING) : value,
    );
    if (fits(json, maxBytes)) return json;
  }
  return "{}";
}
