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

/** Returns 0 for debug, 1 for info, 2 for warn, 3 for error. */
export function severityOf(event: Event): number {
  if (event.category === "network") {
    const status = asNumber(asObject(event.data).status) ?? 0;
    if (status >= 400 && status <= 599) return ERROR;
  }
  const word = event.type.slice(event.type.search(/[^._:-]*$/));
  if (event.type.startsWith("system.")) return SYSTEM_SEVERITY[word] ?? WORDS[word] ?? INFO;
  if (event.type === "console.assert") return ERROR;
  return WORDS[word] ?? INFO;
}
