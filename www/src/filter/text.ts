/**
 * The Selector's text form as far as the filter bar has to understand it: where its terms begin and
 * end, to colour, complete and toggle them. What a term means, the Selector alone decides.
 */
export interface Term {
  start: number;
  end: number;
  negated: boolean;
  /** The key before the colon; empty for free words. */
  key: string;
  /** The value, without quotes. */
  value: string;
}

/** Splits at white space outside double quotes. */
export function terms(text: string): Term[] {
  const result: Term[] = [];
  let i = 0;
  while (i < text.length) {
    if (/\s/.test(text.charAt(i))) {
      i++;
      continue;
    }
    const start = i;
    let quoted = false;
    while (i < text.length && (quoted || !/\s/.test(text.charAt(i)))) {
      if (text.charAt(i) === "\\" && quoted) i++;
      else if (text.charAt(i) === '"') quoted = !quoted;
      i++;
    }
    result.push(termOf(text, start, Math.min(i, text.length)));
  }
  return result;
}

function termOf(text: string, start: number, end: number): Term {
  let raw = text.slice(start, end);
  const negated = raw.length > 1 && raw.startsWith("-");
  if (negated) raw = raw.slice(1);
  const colon = /^[a-z_]+:/.exec(raw);
  const key = colon === null ? "" : colon[0].slice(0, -1);
  const value = (colon === null ? raw : raw.slice(colon[0].length))
    .replace(/^"|"$/g, "")
    .replace(/\\(["\\])/g, "$1");
  return { start, end, negated, key, value };
}

/** The words that are searched for as text, to highlight them. */
export function freeWords(text: string): string[] {
  return terms(text)
    .filter((t) => !t.negated && t.key === "" && t.value.length > 1)
    .map((t) => t.value);
}

/** A value as it has to be written. */
export function quoted(value: string): string {
  return /[\s",]/.test(value) ? `"${value.replace(/(["\\])/g, "\\$1")}"` : value;
}

/** Every value of a comma-separated key. */
export function valuesOf(text: string, key: string): string[] {
  return terms(text)
    .filter((t) => t.key === key && !t.negated)
    .flatMap((t) => t.value.split(",").filter((v) => v !== ""));
}

/** The text with `key` set to these values, or without it when there are none. */
export function withValues(text: string, key: string, values: string[]): string {
  const rest = terms(text)
    .filter((t) => t.key !== key || t.negated)
    .map((t) => text.slice(t.start, t.end));
  if (values.length > 0) rest.unshift(`${key}:${values.map(quoted).join(",")}`);
  return rest.join(" ");
}

/** The text with one more term, unless it is there. */
export function withTerm(text: string, term: string): string {
  const has = terms(text).some((t) => text.slice(t.start, t.end) === term);
  return has ? text : `${text.trim()} ${term}`.trim();
}

/** The term the caret stands in or at the end of, or null. */
export function termAt(text: string, caret: number): Term | null {
  return terms(text).find((t) => caret > t.start && caret <= t.end) ?? null;
}
