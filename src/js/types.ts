/**
 * The types of the JavaScript boundary, written by hand because generated ones say `any`.
 *
 * Units: `ts` is Unix microseconds; bytes are UTF-8 bytes; seq counts from 1 in each capture session.
 */

/** Any value JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Where an event came from, least to most. A closed set. */
export type SourceKind = "cdp" | "kernel_api" | "extension" | "local_process";

/** How much was recorded, least to most: `minimal` < `standard` < `verbose` < `raw`. */
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

/** What a producer hands to `publish`. Unknown fields are refused. */
export interface EventInput {
  /** Unix microseconds of the observation; the core's clock when absent. */
  ts?: number;
  /** Semantic name, at most 128 bytes: `console.log`, `network.response`. */
  type: string;
  /** `[a-z][a-z0-9_]{0,31}`, at most 64 a session. */
  category: string;
  /** `standard` when absent. */
  detail_level?: DetailLevel;
  source: Source;
  url?: string;
  /** Any JSON value; kept byte for byte. */
  data?: unknown;
  /** True when the producer itself cut content. */
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

/** A counted hole in the stream: every seq from `first_seq` to `last_seq`, inclusive. */
export interface Gap {
  first_seq: number;
  last_seq: number;
  category: string;
  reason: string;
}
