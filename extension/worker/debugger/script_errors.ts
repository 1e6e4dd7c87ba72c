/**
 * Completes the reports of errors in scripts of another origin, if the debugger is attached to the tab.
 *
 * The browser gives a page only the text "Script error." of such an error; the DevTools protocol has its text and its
 * place. The browser keeps the errors of a document until the document ends, so the protocol is asked only when a page
 * reports one: enabling its console repeats the errors, and it is disabled at once. Were it always enabled, it would
 * have the error's object and its whole stack, too, and each call of the console would cost the page ten times as much.
 *
 * Nothing but their order and their times says which error is which report's, and the two clocks differ by some
 * milliseconds. An error that the page has prevented is not in the protocol; its report is recorded as it is, unless
 * another error follows within milliseconds.
 */
import type { DetailLevel, RelayContext } from "../../../src/web/types.ts";
import { MINIMAL_TEXT } from "../../capture.ts";
import { jsonWithin, prefix } from "../../relay/budget.ts";
import { Changes } from "../changes.ts";
import { InTurn } from "../in_turn.ts";
import { parsed } from "../parsed.ts";
import { withTimeout } from "../with_timeout.ts";
import { exceptionContent, scriptUrlOf } from "./cdp_console.ts";
import type { Params, Source } from "./cdp_publisher.ts";

export interface TabProtocol {
  /** The sessions of the tab's documents. */
  documents(tabId: number): Source[];
  send(source: Source, method: string): Promise<Params>;
  maxEventBytes(category: "console"): number;
}

interface Thrown {
  key: string;
  tabId: number;
  timestampMs: number;
  details: Params;
}

interface Report {
  /** Its relay and its number there. */
  id: string;
  timeMs: number;
  /** The origin of its document. */
  origin: string | null;
}

/** Lines of a relay, numbered from `first` on. */
interface Message {
  relay: string;
  first: number;
  lines: string;
}

interface Line {
  ts: number;
  url?: string;
  detail_level?: DetailLevel;
  truncated?: true;
  data: Params;
}

/** The longest wait for an answer. A page whose script does not end gives none. */
const ANSWER_MS = 1_000;
/** Answers and events reach this worker in different ways. */
const EVENT_MS = 250;
/** The page's clock may differ from the protocol's by so much. */
const CLOCK_MS = 25;
/** Between a report and its error are the page's own listeners. */
const LISTENERS_MS = 1_000;
const MAX_KNOWN = 1_000;
const MAX_AGE_MS = 10_000;
const REPORT = '"text":"Script error."';

export class ScriptErrors {
  /** Null without a debugger. */
  protocol: TabProtocol | null = null;
  /** Errors that the protocol has repeated, while it is asked. */
  readonly #thrown = new Map<string, Thrown>();
  readonly #used = new Set<string>();
  /** The reports of each tab that are still to be completed, in their order. */
  readonly #open = new Map<number, Report[]>();
  /** How far the protocol's clock is ahead of that of the tab's pages, as far as that is known. */
  readonly #aheadMs = new Map<number, number>();
  readonly #changes = new Changes();
  readonly #turns = new InTurn();

  /** Takes an error that the protocol reports of a document. */
  thrown({ tabId, sessionId }: Source, params: Params): void {
    if (tabId === undefined) return;
    const details = params.exceptionDetails as Params;
    const timestampMs = params.timestamp as number;
    const key = `${tabId}:${sessionId ?? ""}:${timestampMs}:${details.exceptionId as number}`;
    this.#thrown.set(key, { key, tabId, timestampMs, details });
    this.#changes.notify();
  }

  /** The tab is no longer attached to. */
  forget(tabId: number): void {
    this.#open.delete(tabId);
    this.#aheadMs.delete(tabId);
  }

  /** Takes lines as they arrive, before those that wait are completed. */
  note(tabId: number, documentUrl: string, { relay, first, lines }: Message): void {
    if (!lines.includes(REPORT) || (this.protocol?.documents(tabId) ?? []).length === 0) return;
    const open = this.#open.get(tabId) ?? [];
    for (const [at, line] of lines.split("\n").entries()) {
      const report = reportIn(line);
      if (report === null) continue;
      const id = `${relay}:${first + at}`;
      // A relay sends again what was not acknowledged.
      if (open.some((one) => one.id === id)) continue;
      open.push({ id, timeMs: report.ts / 1_000, origin: originOf(report.url ?? documentUrl) });
    }
    open.sort((a, b) => a.timeMs - b.timeMs);
    this.#open.set(tabId, open.slice(-MAX_KNOWN));
  }

  /** Returns the lines with their reports completed; at once without one. */
  completed(context: RelayContext, message: Message): string | Promise<string> {
    const { lines } = message;
    const tabId = Number(context.metadata.tab_id);
    if (!lines.includes(REPORT) || this.protocol === null) return lines;
    const sessions = this.protocol.documents(tabId);
    if (sessions.length === 0) return lines;
    // One question at a time: each ends what the one before has begun.
    return this.#turns.run(() => this.#complete(tabId, sessions, message));
  }

  async #complete(tabId: number, sessions: Source[], message: Message): Promise<string> {
    const { relay, first } = message;
    // The errors of those that come later may not be repeated yet.
    const reports = [...(this.#open.get(tabId) ?? [])];
    await this.#ask(sessions);
    const isComplete = () => this.#candidates(tabId, reports).length >= reports.length;
    await this.#changes.until(isComplete, performance.now() + EVENT_MS);
    const errors = this.#matched(tabId, reports, this.#candidates(tabId, reports));
    const lines = message.lines.split("\n").map((line, number) => {
      const report = reportIn(line);
      const error = errors[reports.findIndex(({ id }) => id === `${relay}:${first + number}`)];
      if (report === null || error === undefined) return line;
      this.#used.add(error.key);
      if (this.#used.size > MAX_KNOWN) this.#used.delete(this.#used.values().next().value as string);
      return this.#withContent(report, error);
    });
    this.#thrown.clear();
    // Those of a document that is not recorded any more never come here.
    const oldestMs = Date.now() - MAX_AGE_MS;
    const isOpen = ({ id, timeMs }: Report) =>
      timeMs > oldestMs && !lines.some((_, number) => id === `${relay}:${first + number}`);
    this.#open.set(tabId, (this.#open.get(tabId) ?? []).filter(isOpen));
    return lines.join("\n");
  }

  async #ask(sessions: Source[]): Promise<void> {
    const { protocol } = this;
    const asked = sessions.map(async (session) => {
      await protocol?.send(session, "Runtime.enable").catch(() => {});
      void protocol?.send(session, "Runtime.disable").catch(() => {});
    });
    await withTimeout(Promise.all(asked), "Runtime.enable", ANSWER_MS).catch(() => {});
  }

  /** The errors that may be those of the reports, in their order. */
  #candidates(tabId: number, reports: Report[]): Thrown[] {
    const [first, last] = [reports[0], reports.at(-1)];
    if (first === undefined || last === undefined) return [];
    const origins = new Set(reports.map(({ origin }) => origin));
    return [...this.#thrown.values()]
      .filter((one) => one.tabId === tabId && !this.#used.has(one.key) && isOfAnother(origins, one.details))
      .filter(({ timestampMs }) => timestampMs > first.timeMs - CLOCK_MS)
      .filter(({ timestampMs }) => timestampMs < last.timeMs + LISTENERS_MS)
      .sort((a, b) => a.timestampMs - b.timestampMs);
  }

  /** Returns the error of each report: the first ones, or, if there are too few, each at the nearest report. */
  #matched(tabId: number, reports: Report[], errors: Thrown[]): (Thrown | undefined)[] {
    const aheadMs = this.#aheadMs.get(tabId) ?? 0;
    const [report, error] = [reports[0], errors[0]];
    if (errors.length >= reports.length && report !== undefined && error !== undefined) {
      const known = this.#aheadMs.get(tabId) ?? Number.POSITIVE_INFINITY;
      this.#aheadMs.set(tabId, Math.min(known, error.timestampMs - report.timeMs));
      return errors;
    }
    const found: (Thrown | undefined)[] = reports.map(() => undefined);
    for (const one of errors) {
      const distances = reports.map(({ timeMs }) => Math.abs(one.timestampMs - aheadMs - timeMs));
      const least = Math.min(...distances);
      if (least < CLOCK_MS) found[distances.indexOf(least)] ??= one;
    }
    return found;
  }

  #withContent(report: Line, { details }: Thrown): string {
    const isMinimal = report.detail_level === "minimal";
    const { text, ...more } = exceptionContent(details, "");
    const data = isMinimal
      ? { text: prefix(text as string, MINIMAL_TEXT) }
      : { ...report.data, text, ...more };
    const { json, truncated } = jsonWithin(data, this.protocol?.maxEventBytes("console") ?? 0);
    const { data: _, truncated: isCut, ...head } = report;
    const ending = truncated || isCut ? ',"truncated":true}' : "}";
    return `${JSON.stringify(head).slice(0, -1)},"data":${json}${ending}`;
  }
}

/** A report that says nothing of its error. */
function reportIn(line: string): Line | null {
  const report = line.includes(REPORT) ? parsed<Line & { type: string }>(line) : null;
  return report?.type === "console.exception" && report.data.text === "Script error." ? report : null;
}

function isOfAnother(origins: Set<string | null>, details: Params): boolean {
  const isRejection = (details.text as string).startsWith("Uncaught (in promise)");
  const scriptOrigin = originOf(scriptUrlOf(details) ?? "");
  return !isRejection && scriptOrigin !== null && [...origins].some((origin) => origin !== scriptOrigin);
}

function originOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).origin : null;
}
