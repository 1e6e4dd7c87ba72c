/** Text with the searched words marked. It is text: nothing in it can become an element. */
import type { ComponentChildren } from "preact";

/** Longer texts are shown without marks beyond this many characters. */
const MOST_SEARCHED = 20_000;

export function Marked({ text, words }: { text: string; words: string[] }) {
  return <>{marked(text, words)}</>;
}

function marked(text: string, words: string[]): ComponentChildren {
  if (words.length === 0 || text === "") return text;
  const lower = text.slice(0, MOST_SEARCHED).toLowerCase();
  // Case folding that changes lengths would put the marks in the wrong place.
  if (lower.length !== Math.min(text.length, MOST_SEARCHED)) return text;
  const spans: [number, number][] = [];
  for (const word of words) {
    const needle = word.toLowerCase();
    for (let at = lower.indexOf(needle); at >= 0; at = lower.indexOf(needle, at + needle.length)) {
      spans.push([at, at + needle.length]);
    }
  }
  if (spans.length === 0) return text;
  spans.sort((a, b) => a[0] - b[0]);
  const parts: ComponentChildren[] = [];
  let done = 0;
  for (const [from, to] of spans) {
    if (to <= done) continue;
    const start = Math.max(from, done);
    if (start > done) parts.push(text.slice(done, start));
    parts.push(<mark>{text.slice(start, to)}</mark>);
    done = to;
  }
  parts.push(text.slice(done));
  return parts;
}
