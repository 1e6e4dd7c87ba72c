/** The records of the JavaScript boundary: what is published, stored, read and selected. */

/** Any value JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * The kind of producer that observed an event. A closed set: `cdp` the debugger's protocol, `kernel_api` an interface of
 * the browser, `extension` code that runs in the browser (an extension's, or a page's own), `local_process` a program on
 * this machine.
 */
export type SourceKind = "cdp" | "kernel_api" | "extension" | "local_process";

/** The detail level, lowest to highest: `minimal` < `standard` < `verbose` < `raw`. */
export type DetailLevel = "minimal" | "standard" | "verbose" | "raw";

/** Derived by the core, never on the wire: `debug` < `info` < `warn` < `error`. */
export type Severity = "debug" | "info" | "warn" | "error";

/** Provenance of an event. */
export interface Source {
  kind: SourceKind;
  /** The producer's own name for what happened ("Runtime.consoleAPICalled"); at most 256 bytes. */
  event?: string;
  /** Correlation: `tab_id`, `frame_id`, `document_id`, `window_id`, … */
  metadata?: Record<string, string>;
}

/** An event for `publish`. Unknown fields are refused. */
export interface EventInput {
  /** Unix microseconds of the observation; the core's clock when absent. */
  ts?: number;
  /** Semantic name, at most 128 bytes: `console.log`, `network.response`. */
  type: string;
  /** `[a-z][a-z0-9_]{0,31}`, at most 64 per session. */
  category: string;
  /** `standard` when absent. */
  detail_level?: DetailLevel;
  source: Source;
  url?: string;
  /** Any JSON value; kept byte for byte. */
  data?: unknown;
  /** True when the producer itself truncated content. */
  truncated?: boolean;
}

/** An event as stored. */
export interface Event extends EventInput {
  ts: number;
  detail_level: DetailLevel;
}

/** One stored record. */
export interface Envelope {
  capture_session_id: string;
  seq: number;
  event: Event;
}

/** A counted gap in the stream: every seq from `first_seq` to `last_seq`, inclusive. */
export interface Gap {
  first_seq: number;
  last_seq: number;
  category: string;
  reason: string;
}

/** The selector of a reader, as text or as an object. All terms must match. */
export type Selector = string | SelectorObject;

/** The object form of a selector; a list is a choice. */
export interface SelectorObject {
  categories?: string | string[];
  types?: string | string[];
  kinds?: SourceKind | SourceKind[];
  /** At least. */
  detail?: DetailLevel;
  /** At least. */
  severity?: Severity;
  status?: string | number | (string | number)[];
  tabs?: number | number[];
  sites?: string | string[];
  urls?: string | string[];
  sessions?: string | string[];
  since?: string | number;
  until?: string | number;
  text?: string | string[];
  not?: SelectorObject;
  and?: SelectorObject[];
}

/** One result of reading. */
export type ReadResult =
  | { envelope: Envelope }
  | { gap: Gap; captureSessionId: string }
  /** The reader fell behind: `dropped` seqs were dropped, `nextSeq` is the next one still held. */
  | { dropped: number; nextSeq: number }
  | { closed: true };

/**
 * How a session stores its events: `logged` in its category logs, `volatile` in memory only. `closed` and `superseded`
 * sessions accept no more events; a newer owner has taken over the logs of the latter.
 */
export type SessionState = "logged" | "volatile" | "closed" | "superseded";
