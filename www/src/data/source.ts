/**
 * Where the viewer's records come from: the collector, or the extension's own category logs.
 *
 * A record is one line of JSON, an envelope or a gap, byte for byte as it was stored. A source hands
 * out lines in order of acceptance and never leaves a hole without saying so: what is missing is a
 * gap line.
 */
import type { Severity } from "../../../src/web/types";
import type { Watching } from "./coverage";

/** In the place of a session's id: every session, in order of commit. */
export const ALL_SESSIONS = "all";

/** What to read: one session or all, through the Selector's text form; empty matches everything. */
export interface Query {
  session: string;
  q: string;
}

/** Some lines and where to go on. */
export interface Page {
  lines: string[];
  /** Over all sessions, what {@link DataSource.follow} yields: each line's position. */
  at?: number[];
  /** Cursor after the last record looked at, matching or not. */
  next: string | null;
  /** How many records retention took before they could be shown, where no gap can say which. */
  dropped?: number;
  /** Whether the source holds nothing beyond `next` at the moment. */
  end: boolean;
}

/** Headers of records in order, as columns: the n-th of each belong together. */
export interface HeaderPage {
  /** Over all sessions: each record's position. Empty within one, where the seq says it. */
  position: number[];
  /** Over all sessions: index into `sessions`. */
  session: number[];
  sessions: string[];
  seq: number[];
  /** Unix microseconds; 0 for a gap, which has no time of its own. */
  ts: number[];
  /** Index into `types`; without meaning for a gap. */
  type: number[];
  /** Index into `categories`. */
  category: number[];
  /** 0 debug, 1 info, 2 warn, 3 error. */
  severity: number[];
  /** -1 for none. */
  tab: number[];
  /** How many seqs a gap covers; 0 for an event. */
  gap: number[];
  types: string[];
  categories: string[];
  next: string | null;
  end: boolean;
}

/** One capture session as the picker shows it. Times in Unix microseconds. */
export interface SessionSummary {
  id: string;
  /** Who produced it: empty for a browser's recorder, else the name of a local process. */
  producer: string;
  first_ts: number | null;
  last_ts: number | null;
  latest_seq: number;
  events: number;
  /** Whether the numbers below are of all of it: logs are counted bit by bit. */
  counted: boolean;
  /** How many seqs are covered by gaps, by reason. */
  gaps: Record<string, number>;
  /** Seqs not accounted for yet: on their way, or still to be declared lost. */
  missing: number;
  /** Events by category. */
  categories: Record<string, number>;
  severities: Record<Severity, number>;
}

/** Why a source could not answer. */
export type SourceErrorCode = "unauthorized" | "bad_query" | "unreachable" | "store_changed" | "failed";

/** A request that failed, in the source's own words. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: SourceErrorCode;

  constructor(message: string, code: SourceErrorCode, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The two real ones are `collector.ts` and, in the extension page, the category logs. */
export interface DataSource {
  readonly kind: "collector" | "logs";
  sessions(signal?: AbortSignal): Promise<SessionSummary[]>;
  /** What was watched, by session; the newest 50 of all. */
  coverage(session: string): Promise<Map<string, Watching>>;
  /** Lines after a cursor (null: from the oldest held). */
  read(query: Query, after: string | null, limit: number, signal?: AbortSignal): Promise<Page>;
  /** Headers after a cursor and up to another: a million are counted and listed without their lines. */
  headers(
    query: Query,
    after: string | null,
    until: string,
    limit: number,
    signal?: AbortSignal,
  ): Promise<HeaderPage>;
  /** The cursor that stands just before a seq; over all sessions, before a position. */
  cursorBefore(query: Query, at: number): string;
  /** The cursor after which about `records` are stored; null when there are hardly more. */
  nearEnd(query: Query, records: number, signal?: AbortSignal): Promise<string | null>;
  /** New lines as they are committed, in small lots; ends only by `signal` or an error. */
  follow(query: Query, after: string | null, signal: AbortSignal): AsyncIterable<Page>;
}
