/** Completions of the filter bar: the Selector's keys, and values that occur in the session. */
import { isSelectorKey, quoted, SELECTOR_KEYS, type SelectorKey, type Term, termAt } from "./text";

export interface Known {
  categories: string[];
  types: string[];
  tabs: string[];
  sites: string[];
}

export interface Completion {
  label: string;
  about: string;
  /** The whole new text, with the caret at `caret`. */
  text: string;
  caret: number;
}

interface Key {
  about: string;
  values?: (known: Known) => string[];
}

const KEYS: Record<SelectorKey, Key> = {
  severity: { about: "at least this bad", values: () => ["debug", "info", "warn", "error"] },
  category: { about: "one of these categories", values: (k) => k.categories },
  type: { about: "types, * is anything", values: (k) => [...globs(k.types), ...k.types] },
  status: { about: "an HTTP status or range", values: () => ["4xx", "5xx", "400..599", ">=400", "404"] },
  tab: { about: "this tab", values: (k) => k.tabs },
  site: { about: "pages of this host", values: (k) => k.sites },
  url: { about: "an address, * is anything" },
  since: { about: "from this time on", values: () => ["1m", "10m", "1h", "1d"] },
  until: { about: "up to this time", values: () => ["1m", "10m", "1h", "1d"] },
  detail: { about: "at least this detailed", values: () => ["minimal", "standard", "verbose", "raw"] },
  kind: { about: "the kind of producer", values: () => ["extension", "cdp", "kernel_api", "local_process"] },
  session: { about: "a capture session, * is anything" },
};

const MOST = 12;

/**
 * Whether the value at the caret is still being typed: it is empty, or a completion could finish it.
 * Such a filter is not applied yet, because the Selector would refuse it or find nothing.
 */
export function isUnfinished(text: string, caret: number, known: Known): boolean {
  const term = termAt(text, caret);
  if (term === null || term.key === "") return false;
  return /[:,]$/.test(text.slice(term.start, caret)) || completions(text, caret, known).length > 0;
}

export function completions(text: string, caret: number, known: Known): Completion[] {
  const term = termAt(text, caret);
  const raw = term === null ? "" : text.slice(term.start, caret);
  const minus = raw.startsWith("-") ? "-" : "";
  const colon = raw.indexOf(":");
  if (colon < 0) {
    if (raw === "" && text.trim() !== "" && !/\s$/.test(text.slice(0, caret))) return [];
    return SELECTOR_KEYS.filter((key) => key.startsWith(raw.slice(minus.length)))
      .map((key) => replaced(text, term, caret, `${minus}${key}:`, `${minus}${key}:`, KEYS[key].about))
      .slice(0, MOST);
  }
  const name = raw.slice(minus.length, colon);
  const values = isSelectorKey(name) ? KEYS[name].values : undefined;
  if (values === undefined) return [];
  const typed = raw.slice(colon + 1);
  const comma = typed.lastIndexOf(",");
  const before = typed.slice(0, comma + 1);
  const last = typed.slice(comma + 1).toLowerCase();
  const taken = new Set(before.split(","));
  return values(known)
    .filter(
      (value) => !taken.has(value) && value.toLowerCase().includes(last) && value.toLowerCase() !== last,
    )
    .slice(0, MOST)
    .map((value) => replaced(text, term, caret, `${minus}${name}:${before}${quoted(value)} `, value, ""));
}

function replaced(
  text: string,
  term: Term | null,
  caret: number,
  by: string,
  label: string,
  about: string,
): Completion {
  const start = term?.start ?? caret;
  const rest = text.slice(Math.max(caret, term?.end ?? caret)).replace(/^\s+/, "");
  const head = text.slice(0, start) + by;
  return { label, about, text: head + rest, caret: head.length };
}

/** Returns `network.*` and the like, for each first word that several types share. */
function globs(types: string[]): string[] {
  const families = new Map<string, number>();
  for (const type of types) {
    const dot = type.indexOf(".");
    if (dot > 0) families.set(type.slice(0, dot), (families.get(type.slice(0, dot)) ?? 0) + 1);
  }
  return [...families].filter(([, n]) => n > 1).map(([family]) => `${family}.*`);
}
