/** Finds the places that stacks in a relay's lines name: where in the built code an error or a call was. */

export interface BuiltPlace {
  script: string;
  line: number;
  column: number;
}

const STACK_FIELD = '"stack":"';
/** Stacks of one post that are read: a flood of errors names the same places over and over. */
const MAX_STACKS = 8;
const MAX_STACK_LENGTH = 16_384;
/** As V8 writes a frame; in JSON a line of a stack ends with a backslash. Paths of Next.js contain parentheses. */
const PLACE = /((?:https?:\/\/|webpack-internal:\/\/\/)[^\s"\\]{1,2000}?):(\d{1,7}):(\d{1,7})(?![\d:])/g;

/** Returns each place once, in the order of the stacks. `lines` is NDJSON. */
export function placesInStacks(lines: string): BuiltPlace[] {
  const places = new Map<string, BuiltPlace>();
  let from = lines.indexOf(STACK_FIELD);
  for (let stacks = 0; from >= 0 && stacks < MAX_STACKS; stacks++) {
    const start = from + STACK_FIELD.length;
    const end = endOfString(lines, start);
    for (const [place, script, line, column] of lines.slice(start, end).matchAll(PLACE)) {
      places.set(place, { script: script as string, line: Number(line), column: Number(column) });
    }
    from = lines.indexOf(STACK_FIELD, end);
  }
  return [...places.values()];
}

/** Returns the index of the quote that ends the JSON string which begins at `start`, or where reading stops. */
function endOfString(text: string, start: number): number {
  const limit = Math.min(text.length, start + MAX_STACK_LENGTH);
  for (let end = text.indexOf('"', start); end >= 0 && end < limit; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return limit;
}
