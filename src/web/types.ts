/**
 * The types of the JavaScript boundary, written by hand because generated ones say `any`.
 *
 * Units: `ts` is Unix microseconds; bytes are UTF-8 bytes; seq counts from 1 in each capture session.
 */

import type { Durability } from "./durability.ts";
import type { Reader, ReaderOptions } from "./reader.ts";
import type { DetailLevel, EventInput, SessionState } from "./records.ts";
import type { RedactionRules } from "./redaction_types.ts";

export type * from "./records.ts";

/** The settings of a producer for one category. */
export interface CategoryConfig {
  enabled: boolean;
  detail_level: DetailLevel;
  /** Most bytes of content kept of one event (a body, a deep argument). */
  max_event_bytes: number;
}

/** A kind of request that tells of the tool chain rather than of the page. */
export type Noise = "source_maps" | "hot_updates" | "bundler_modules" | "data_urls";

/** The capture config of the native producers. It is changed by a merge patch. */
export interface CaptureConfig {
  categories: Record<string, CategoryConfig>;
  sites: { include: string[]; exclude: string[] };
  /** The kinds of request that are left out of `network` below `verbose`; all of them unless said otherwise. */
  noise: Noise[];
  /** Whether pages' `fetch` and `XMLHttpRequest` are observed: their callers, and the bodies of failed responses. */
  observe_requests: boolean;
}

/** A merge patch of a {@link CaptureConfig}: absent keys keep their value. */
export interface CaptureConfigPatch {
  categories?: Record<string, Partial<CategoryConfig>>;
  sites?: { include?: string[]; exclude?: string[] };
  noise?: Noise[];
  observe_requests?: boolean;
}

/** The record in `chrome.storage.session` from which the next worker resumes this session. */
export interface ResumeRecord {
  /** Null when no session can be continued: the last one continued in memory. */
  session_id: string | null;
  epoch: number;
  /**
   * Events that degraded sessions held in memory only, when this was written. The next recorder reports them as gaps of
   * reason `volatile`, except those that a collector has.
   */
  volatile?: LossRecord[];
  /**
   * Records that the log alone held when this was written, at most some seconds ago while no commit had failed. If
   * the next recorder does not find them there, they become gaps of reason `not_retained`.
   */
  logged?: LossRecord[];
  /** Gaps that the browser's quota has no room for in the log. */
  pending_gaps?: {
    session_id: string;
    category: string;
    first_seq: number;
    tombstone: number[];
    freed_bytes: number;
  }[];
}

/** The records of a session that only memory holds, because its log cannot be written. */
export interface LossRecord {
  session_id: string;
  /** Up to here the log or the collector has it. */
  after_seq: number;
  /** Seqs after that, by category. */
  undelivered_by_category: Record<string, number>;
  /** How far relays' messages were taken. */
  relays: { relay_id: string; message: number }[];
  /** The log has stored it. */
  gaps_logged: boolean;
  /** The records were in a log that is gone, not in memory alone. */
  is_log_lost: boolean;
}

/** Why this worker runs, recorded in `system.worker_started`. */
export interface WorkerStart {
  reason: "install" | "update" | "browser_start" | "recording_started" | "wake" | "trap";
}

/** The collector a recorder flushes to. */
export interface CollectorTarget {
  /** `http://127.0.0.1:PORT`. The name `localhost` is refused: it can lead to another address. */
  url: string;
  /** The pairing's secret: everything that is sent to the collector is sealed with it. It is never sent itself. */
  secret: string;
  /** The pairing's id; absent for the one that preconfiguration hands out. */
  pairing?: string;
}

export interface RecorderOptions {
  /** IndexedDB database; `tabtape` when absent. */
  databaseName?: string;
  /** The record an earlier worker of this browser session left, or null to begin a new session. */
  resume: ResumeRecord | null;
  start: WorkerStart;
  config?: CaptureConfigPatch;
  /** Rules of redaction to add to the built-in ones, and rules to silence. */
  redaction?: RedactionRules;
  /** When a commit counts as done; `relaxed` when absent. */
  durability?: Durability;
  /**
   * Persists the resume record (null deletes it); awaited before the first publish is accepted. While the log cannot
   * be written it is called after every batch, and {@link Recorder.committed} waits for it.
   */
  saveResume(record: ResumeRecord | null): Promise<void>;
  /** Called when {@link RecorderStatus} changed in a way a person would want to see; at most once per second. */
  onStatus?(status: RecorderStatus): void;
}

/** The fields that all events of one relay share, stamped from the message's sender. */
export interface RelayContext {
  /** `tab_id`, `frame_id`, `document_id`, `window_id`. */
  metadata: Record<string, string>;
  /** The document's address. */
  url: string;
}

/** The result of accepting a batch of relay messages. */
export interface RelayReceipt {
  /** Acknowledge this message number once `committed(seq)` has resolved. */
  message: number;
  seq: number;
  /** How many were accepted, were repeats of earlier messages, were refused. */
  accepted: number;
  /** How many of those accepted are uncaught errors. */
  exceptions: number;
  repeated: number;
  /** The `detail_id` of each accepted event that has one, and the event's seq. */
  details: [id: number, seq: number][];
  refused: { message: number; code: string; error: string }[];
}

/** How far a session was certainly watched. Times are Unix microseconds. */
export interface WatchedUntil {
  until_ts: number;
  /** Documents that have not confirmed it: their last committed event, or when they last did. */
  behind: { document_id: string; tab_id: string | null; from_ts: number }[];
}

export interface RecorderStatus {
  session_id: string;
  epoch: number;
  state: SessionState;
  latest_seq: number;
  committed_seq: number;
  /** Events and gap seqs by category in this session, since this worker began. */
  categories: Record<string, { events: number; dropped: number }>;
  errors: number;
  warnings: number;
  redactions: number;
  /** Committed here and not yet acknowledged by the collector, over all sessions in the database. */
  backlog_events: number;
  storage_bytes: number;
  /** Bytes that this origin may store, as the browser estimates; null where it does not report them. */
  storage_quota_bytes: number | null;
  /**
   * The browser does not clear the logs by itself when its disk fills up: it has promised so when it was asked, or the
   * extension has the permission `unlimitedStorage`. Without it, an origin not visited for long may lose them.
   */
  storage_persistent: boolean;
  collector: {
    state: "none" | "connecting" | "ok" | "retrying" | "unauthorized" | "impostor";
    url: string | null;
    store_id: string | null;
    acked_seq: number;
    last_ack_ts: number | null;
    error: string | null;
  };
  /**
   * Categories that are recorded at a lower level than their setting, because the recorder cannot keep up. They return
   * to it by themselves.
   */
  lowered: { category: string; from: DetailLevel; to: DetailLevel; reason: string }[];
  /** Named problems, newest first: `{ code, message, ts }`. */
  problems: { code: string; message: string; ts: number }[];
}

/**
 * The whole recorder of one service worker: capture session, category logs, relay ledger and flusher.
 *
 * `open` is the only way to one, so none exists unstarted.
 */
export interface Recorder {
  readonly sessionId: string;
  readonly epoch: number;
  /** One event of the worker's own listeners. Returns its seq. */
  publish(event: EventInput): number;
  /**
   * Learns how far a relay's messages were taken, at least those that it holds to be acknowledged; awaited before
   * each `publishRelay`.
   */
  openRelay(relayId: string, acknowledged: number): Promise<void>;
  /**
   * A relay's messages, one JSON line each, numbered from `firstMessage`. A line is
   * `{"ts","type","category","source_event"?,"detail_level"?,"detail_id"?,"detail_of"?,"data"?,"truncated"?}` or
   * `{"drop":{"category","count","reason"}}`. Only console, page and
   * interaction types are accepted, and what a page says of its own requests.
   */
  publishRelay(relayId: string, context: RelayContext, firstMessage: number, lines: string): RelayReceipt;
  /**
   * Notes that a relay holds `queued` messages, and that its page has spent `micros` on `events` of its events since it
   * last said so. Queues that stay long lower the detail of what is recorded.
   */
  noteRelay(queued: number, events: number, micros: number): void;
  /** Spends `count` seqs on a gap. Returns its last seq. */
  recordDrop(category: string, count: number, reason: string): number;
  /** Resolves once `seq` (default: everything published so far) is durable. */
  committed(seq?: number): Promise<void>;
  /**
   * Commits and sends now what was published. A steady stream is otherwise committed in groups, up to 100 ms apart, and
   * sent in batches, up to 250 ms apart while no reader follows the collector's stream.
   */
  commit(): void;
  /**
   * Stores that everything observed until then is committed. If the whole browser is killed, the next session
   * reports it: the coverage of this one ends there.
   */
  confirmWatched(until: WatchedUntil): Promise<void>;
  /** Applies a merge patch and records `system.config_changed`. Returns what holds now. */
  configure(patch: CaptureConfigPatch): CaptureConfig;
  /** The capture config that holds now, with the levels that the load has lowered. */
  readonly config: CaptureConfig;
  /** Redacts every later event by other rules. Throws `invalid_redaction`, and then nothing has changed. */
  setRedaction(rules: RedactionRules): void;
  /** Whether the page at `url` is on a recorded site. */
  isSiteRecorded(url: string): boolean;
  /** The recorded sites as match patterns of content scripts. */
  matchPatterns(): { matches: string[]; exclude_matches: string[] };
  /** Begins flushing to a collector, or stops with null. */
  connect(target: CollectorTarget | null): void;
  /** Resolves when everything committed so far is acknowledged, or rejects with why it is not. */
  flush(): Promise<void>;
  /** A reader of this session from any seq that the ring or, after a resume, its refill still holds. */
  reader(options?: ReaderOptions): Promise<Reader>;
  /**
   * Leaves gaps of reason `deleted` in the places of everything so far that a selector wants, in all sessions of
   * the database; tells how many events those were. What a collector has already stays there.
   */
  forget(selector: string): Promise<number>;
  status(): RecorderStatus;
  /** Commits, publishes `system.session_ended`, and stops. Later publishes are errors. */
  close(): Promise<void>;
}
