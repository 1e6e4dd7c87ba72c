/**
 * The source of the viewer's records: the collector, or the extension's own category logs.
 *
 * A record is one line of JSON, an envelope or a gap, byte for byte as it was stored. A source returns
 * lines in order of acceptance, with a gap line in place of every missing record.
 */
import type { Severity } from "../../../src/web/types";
import type { Watching } from "./coverage";
import type { Diagnosis } from "./problems";
import type { Range } from "./range";

/** Used in place of a session's id: every session, in order of commit. */
export const ALL_SESSIONS = "all";

/** One session or all, and a selector as text; an empty one matches everything. */
export interface Query {
  session: string;
  q: string;
}

/** Some lines and the cursor after them. */
export interface Page {
  lines: string[];
  /** Each line's position, if {@link DataSource.follow} reads all sessions. */
  at?: number[];
  /** Cursor after the last record looked at, matching or not. */
  next: string | null;
  /** The number of records that retention deleted before they were read, if no gap can cover them. */
  dropped?: number;
  /** Whether the source has nothing after `next` at the moment. */
  end: boolean;
}

/** Headers of records in order, as columns: the n-th of each belong together. */
export class HeaderPage {
  /** Over all sessions: each record's position. Empty within one session, where the seq is the position. */
  position: number[] = [];
  /** Over all sessions: index into `sessions`. */
  session: number[] = [];
  sessions: string[] = [];
  seq: number[] = [];
  /** Unix microseconds; 0 for a gap, which has no time of its own. */
  ts: number[] = [];
  /** Index into `types`; has no meaning for a gap. */
  type: number[] = [];
  /** Index into `categories`. */
  category: number[] = [];
  /** 0 debug, 1 info, 2 warn, 3 error. */
  severity: number[] = [];
  /** -1 for none. */
  tab: number[] = [];
  /** How many seqs a gap covers; 0 for an event. */
  gap: number[] = [];
  types: string[] = [];
  categories: string[] = [];
  next: string | null = null;
  end = true;
}

/** One capture session as the picker shows it. Times in Unix microseconds. */
export class SessionSummary {
  first_ts: number | null = null;
  last_ts: number | null = null;
  latest_seq = 0;
  events = 0;
  /** Whether the numbers below cover the whole session: logs are counted in steps. */
  counted = true;
  /** How many seqs are covered by gaps, by reason. */
  gaps: Record<string, number> = {};
  /** Seqs that are neither events nor gaps yet, because later ones arrived first. */
  missing = 0;
  /** Events by category. */
  categories: Record<string, number> = {};
  severities: Record<Severity, number> = { debug: 0, info: 0, warn: 0, error: 0 };

  /** `producer` is the name of the local process that produced the session; empty for a browser's recorder. */
  constructor(
    readonly id: string,
    readonly producer: string,
  ) {}
}

/** The kind of a source's failure. */
export type SourceErrorCode = "unauthorized" | "bad_query" | "unreachable" | "store_changed" | "failed";

/** A request that failed. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: SourceErrorCode;

  constructor(message: string, code: SourceErrorCode, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A file that a source makes from records. */
export type FileFormat = "har" | "markdown" | "playwright" | "bundle";

/** If a session has many more records than this, the last ones are read before the rest. */
export const TAIL_FIRST_RECORDS = 2_000;
/** The last ones of these are read before anything is shown: enough for a screen of rows. */
export const SHOWN_FIRST_RECORDS = 200;

/** Implemented by `collector.ts`, for the extension's pages by `logs.ts`, and in a bundle by `embedded.ts`. */
export interface DataSource {
  readonly kind: "collector" | "logs" | "bundle";
  /** The files that {@link DataSource.file} makes. */
  readonly files: readonly FileFormat[];
  sessions(signal?: AbortSignal): Promise<SessionSummary[]>;
  /** Coverage by session; over all sessions, of the newest 50. */
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
  /** Returns the cursor just before a seq; over all sessions, just before a position. */
  cursorBefore(query: Query, at: number): string;
  /** Returns the cursor after which about `records` are stored; null if there are hardly more. */
  nearEnd(query: Query, records: number, signal?: AbortSignal): Promise<string | null>;
  /** Whether a query has an event in a range of time, by an index. Logs have none. */
  hasEvents?(query: Query, range: Range, signal?: AbortSignal): Promise<boolean>;
  /** Groups the errors of a query. Logs cannot. */
  problems?(query: Query): Promise<Diagnosis>;
  /** Makes a file of the records, of one request if its id is given. */
  file(query: Query, format: FileFormat, requestId: string | null, signal?: AbortSignal): Promise<string>;
  /** Yields new lines as they are committed, in small pages; ends only by `signal` or an error. */
  follow(query: Query, after: string | null, signal: AbortSignal): AsyncIterable<Page>;
}
