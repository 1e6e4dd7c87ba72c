/**
 * Where the viewer's records come from: the collector, or the extension's own category logs.
 *
 * A record is one line of JSON, an envelope or a gap, byte for byte as it was stored. A source hands
 * out lines in order of acceptance and never leaves a hole without saying so: what is missing is a
 * gap line.
 */
import type { Json, Severity } from "../../../src/js/types";

/** What to read: one session or all of them, and the Selector's text form. */
export interface Query {
  /** A capture session id, or null for every session of the source. */
  session: string | null;
  /** The Selector's text form; empty matches everything. */
  q: string;
}

/** Some lines and where to go on; `next` is null when there is nothing more yet. */
export interface Page {
  lines: string[];
  /** Cursor after the last line looked at, matching or not. */
  next: string | null;
  /** Whether the source holds nothing beyond `next` at the moment. */
  end: boolean;
}

/** A stretch of time in which somebody was watching. Unix microseconds. */
export interface CoverageSpan {
  from_ts: number;
  to_ts: number;
}

/** One capture session as the picker shows it. */
export interface SessionSummary {
  id: string;
  /** Who produced it: the extension, or the name of a local process. */
  producer: string;
  first_ts: number | null;
  last_ts: number | null;
  latest_seq: number;
  events: number;
  /** How many seqs are covered by gaps. */
  gaps: number;
  categories: Record<string, number>;
  severities: Record<Severity, number>;
  ended: boolean;
}

/** One session in full. */
export interface SessionDetail extends SessionSummary {
  /** When somebody was watching. */
  watched: CoverageSpan[];
  /** When nobody was, although the session had begun: worker deaths and the like. */
  unwatched: (CoverageSpan & { reason: string })[];
}

/** What the source itself says about its state. */
export interface SourceInfo {
  name: string;
  details: Record<string, Json>;
}

/** A request that failed, in the source's own words. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(
    message: string,
    /** `unauthorized` | `bad_query` | `unreachable` | `store_changed` | `failed` */
    readonly code: "unauthorized" | "bad_query" | "unreachable" | "store_changed" | "failed",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The two real ones are `collector.ts` and, in the extension page, the category logs. */
export interface DataSource {
  readonly kind: "collector" | "logs";
  sessions(signal?: AbortSignal): Promise<SessionSummary[]>;
  session(id: string, signal?: AbortSignal): Promise<SessionDetail>;
  /** Lines after a cursor (null: from the oldest held). */
  read(query: Query, after: string | null, limit: number, signal?: AbortSignal): Promise<Page>;
  /** The cursor that stands just before a seq of a session. */
  cursorBefore(seq: number): string;
  /** New lines as they are committed, in small lots; ends only by `signal` or an error. */
  follow(query: Query, after: string | null, signal: AbortSignal): AsyncIterable<Page>;
}
