/**
 * Severity of an event, by the rule of `src/severity.rs`.
 *
 * Severity is not on the wire, so a reader of lines needs the same rule; `tests/viewer` compares this copy
 * with the collector's answers to `severity:`.
 */
import type { Event, Severity } from "../../../src/web/types";
import { asNumber, asObject } from "./record";

export const SEVERITIES: readonly Severity[] = ["debug", "info", "warn", "error"];

const DEBUG = 0;
const INFO = 1;
const WARN = 2;
const ERROR = 3;

const WORDS: Record<string, number> = {
  error: ERROR,
  exception: ERROR,
  rejection: ERROR,
  failed: ERROR,
  crashed: ERROR,
  fatal: ERROR,
  warn: WARN,
  warning: WARN,
  violation: WARN,
  debug: DEBUG,
  trace: DEBUG,
};

/** Words at the end of `system.` types: the recorder's own problems. */
const SYSTEM_SEVERITY: Record<string, number> = {
  volatile: ERROR,
  corrupt: ERROR,
  full: ERROR,
  superseded: ERROR,
  trap: ERROR,
  unauthorized: ERROR,
  impostor: ERROR,
  refused: ERROR,
  blocked: WARN,
  evicted: WARN,
  lost: WARN,
  retrying: WARN,
  unreachable: WARN,
};

/** Whether an event has more of another one, which is shown in its place. */
export function isDetail(event: Event): boolean {
  return event.source.metadata?.detail_of !== undefined;
}

/** Returns 0 for debug, 1 for info, 2 for warn, 3 for error. */
export function severityOf(event: Event): number {
  if (isDetail(event)) return DEBUG;
  if (event.category === "network") {
    const status = asNumber(asObject(event.data).status) ?? 0;
    if (status >= 400 && status <= 599) return ERROR;
  }
  return severityOfType(event.type);
}

function severityOfType(type: string): number {
  const word = type.slice(type.search(/[^._:-]*$/));
  if (type.startsWith("system.")) return SYSTEM_SEVERITY[word] ?? WORDS[word] ?? INFO;
  if (type === "console.assert") return ERROR;
  return WORDS[word] ?? INFO;
}

/**
 * Whether a header without its line is of a detail: nothing else has a severity below that of its type. Of types that
 * are `debug` anyway it cannot be told.
 */
export function isDetailHeader(type: string, severity: number): boolean {
  return severity === DEBUG && severityOfType(type) !== DEBUG;
}
