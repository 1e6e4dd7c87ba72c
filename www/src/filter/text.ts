/**
 * The Selector's text form as far as the filter bar needs it: where terms begin and end, to colour,
 * complete and toggle them. Only the Selector decides which records a term matches.
 */
import type { Severity } from "../../../src/web/types";

/** The keys of the Selector. A word before another colon, as in `localhost:3000`, is part of the text. */
export const SELECTOR_KEYS = [
  "severity",
  "category",
  "type",
  "status",
  "tab",
  "site",
  "url",
  "since",
  "until",
  "detail",
  "kind",
  "session",
] as const;
export type SelectorKey = (typeof SELECTOR_KEYS)[number];

export function isSelectorKey(name: string): name is SelectorKey {
  return (SELECTOR_KEYS as readonly string[]).includes(name);
}

export interface Term {
  start: number;
  end: number;
  negated: boolean;
  /** The key before the colon; empty for free words. */
  key: SelectorKey | "";
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
  const before = /^([a-z_]+):/.exec(raw)?.[1] ?? "";
  const key = isSelectorKey(before) ? before : "";
  const value = (key === "" ? raw : raw.slice(key.length + 1))
    .replace(/^"|"$/g, "")
    .replace(/\\(["\\])/g, "$1");
  return { start, end, negated, key, value };
}

/** Returns the words that are searched for as text, to mark them in the list. */
export function freeWords(text: string): string[] {
  return terms(text)
    .filter((t) => !t.negated && t.key === "" && t.value.length > 1)
    .map((t) => t.value);
}

/** Returns a value in quotes if the Selector would otherwise split it. */
export function quoted(value: string): string {
  return /[\s",]/.test(value) ? `"${value.replace(/(["\\])/g, "\\$1")}"` : value;
}

/** Returns the values of a key, over all of its terms. */
export function valuesOf(text: string, key: string): string[] {
  return terms(text)
    .filter((t) => t.key === key && !t.negated)
    .flatMap((t) => t.value.split(",").filter((v) => v !== ""));
}

/** Returns the text with `key` set to these values, or without the key if `values` is empty. */
export function withValues(text: string, key: string, values: string[]): string {
  const rest = terms(text)
    .filter((t) => t.key !== key || t.negated)
    .map((t) => text.slice(t.start, t.end));
  if (values.length > 0) rest.unshift(`${key}:${values.map(quoted).join(",")}`);
  return rest.join(" ");
}

/** Returns the text with one more term, unless it has that term already. */
export function withTerm(text: string, term: string): string {
  const has = terms(text).some((t) => text.slice(t.start, t.end) === term);
  return has ? text : `${text.trim()} ${term}`.trim();
}

/** Severities that the chips show: warnings and errors, each on or off. */
export interface ChosenSeverities {
  warnings: boolean;
  errors: boolean;
}

/** Reads the severities that the chips show out of a text. */
export function chosenSeverities(text: string): ChosenSeverities {
  const found = terms(text).filter((t) => t.key === "severity");
  const atLeast = (severity: Severity, negated: boolean): boolean =>
    found.some((t) => t.value === severity && t.negated === negated);
  return {
    warnings: atLeast("warn", false),
    errors: (atLeast("warn", false) || atLeast("error", false)) && !atLeast("error", true),
  };
}

/** Returns the text with its severity terms replaced. A term means "at least", so warnings alone need two. */
export function withSeverities(text: string, { warnings, errors }: ChosenSeverities): string {
  const rest = terms(text)
    .filter((t) => t.key !== "severity")
    .map((t) => text.slice(t.start, t.end));
  if (warnings) rest.unshift(...(errors ? ["severity:warn"] : ["severity:warn", "-severity:error"]));
  else if (errors) rest.unshift("severity:error");
  return rest.join(" ");
}

/** Returns the term that the caret is in or directly behind, or null. */
export function termAt(text: string, caret: number): Term | null {
  return terms(text).find((t) => caret > t.start && caret <= t.end) ?? null;
}
