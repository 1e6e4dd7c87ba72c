/** Byte budgets of content. */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Longest address that is kept for later. Pages choose their addresses, of up to 2 MB. */
export const MAX_URL_BYTES = 4_096;

/**
 * The longest beginning of `text` that takes at most `maxBytes` in UTF-8, never half a character. It is a copy: a
 * part of a string would hold all of it in memory.
 */
export function beginning(text: string, maxBytes: number): string {
  // No UTF-16 unit takes more than three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new Uint8Array(Math.min(maxBytes, text.length * 3));
  const { read, written } = encoder.encodeInto(text, bytes);
  return read === text.length ? text : decoder.decode(bytes.subarray(0, written));
}

/** The last of `entries`, as many as take at most `maxChars` as JSON. */
export function newest<T>(entries: T[], maxChars: number): T[] {
  let left = maxChars;
  let first = entries.length;
  while (first > 0) {
    left -= JSON.stringify(entries[first - 1]).length;
    if (left < 0) break;
    first--;
  }
  return entries.slice(first);
}
