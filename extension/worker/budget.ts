/** Byte budgets of content. */

const encoder = new TextEncoder();

/** The longest beginning of `text` that takes at most `maxBytes` in UTF-8, never half a character. */
export function beginning(text: string, maxBytes: number): string {
  // No UTF-16 unit takes more than three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(Math.min(maxBytes, text.length * 3)));
  return text.slice(0, read);
}
