import { TabtapeError, wrapped } from "./errors.ts";
import { type Glue, instance, isTrap } from "./wasm.ts";

type WasmLogReader = Glue["WasmLogReader"]["prototype"];

/** The head of a session's logs. */
export interface LoggedSession {
  session: string;
  latest_seq: number;
  /** When the last commit was made, Unix milliseconds. */
  committed_ms: number;
  bytes: number;
  categories: string[];
}

/** Some lines of one session, and where to continue. */
export interface LogPage {
  /** Envelopes and gaps, byte for byte as they were committed. */
  lines: string[];
  /** Everything up to here was looked at. */
  afterSeq: number;
  isLast: boolean;
}

/** Headers as columns: the n-th of each belong together. Index columns point into `types` and `categories`. */
export interface HeaderColumns {
  seq: number[];
  ts: number[];
  type: number[];
  category: number[];
  severity: number[];
  tab: number[];
  gap: number[];
  types: string[];
  categories: string[];
}

/** Counts of a session's records up to `after_seq`. */
export interface SessionTally {
  after_seq: number;
  first_ts: number | null;
  last_ts: number | null;
  events: number;
  /** By category: how many of debug, info, warn, error. */
  counts: Record<string, [debug: number, info: number, warn: number, error: number]>;
  gaps: Record<string, number>;
}

/** The coverage of a session. Times are Unix microseconds; without an end the session continues. */
export interface LoggedCoverage {
  /** `categories` that were on, each with its detail level. */
  watched: { from_ts: number; to_ts: number | null; categories: Record<string, string> }[];
  unwatched: { from_ts: number; to_ts: number }[];
}

/** The storage that the logs use, and the quota. */
export interface LogStorage {
  bytes_by_category: Record<string, number>;
  usage_bytes: number | null;
  quota_bytes: number | null;
  persisted: boolean;
}

const decoder = new TextDecoder();

/**
 * Reads the category logs of every session in a database. It owns none of them: whoever records continues
 * undisturbed.
 */
export class LogReader {
  readonly #wasm: WasmLogReader;

  /** @internal */
  constructor(wasm: WasmLogReader) {
    this.#wasm = wasm;
  }

  /** Every session, oldest first. */
  async sessions(): Promise<LoggedSession[]> {
    return JSON.parse(await said(this.#wasm.sessions()));
  }

  /**
   * Records of a session after a seq that a selector wants. A page can be empty without being the last one:
   * a call looks through some megabytes.
   */
  async read(session: string, afterSeq: number, selector: string, limit: number): Promise<LogPage> {
    const packed = await said(this.#wasm.read(session, afterSeq, selector, limit));
    const [bytes, reached, isLast] = packed as [Uint8Array, number, boolean];
    const lines = decoder.decode(bytes).split("\n");
    lines.pop();
    return { lines, afterSeq: reached, isLast };
  }

  /** Headers of a session's records after `afterSeq` and up to `untilSeq`. */
  async headers(
    session: string,
    afterSeq: number,
    untilSeq: number,
    selector: string,
    limit: number,
  ): Promise<{ columns: HeaderColumns; afterSeq: number; isLast: boolean }> {
    const packed = await said(this.#wasm.headers(session, afterSeq, untilSeq, selector, limit));
    const [json, reached, isLast] = packed as [string, number, boolean];
    return { columns: JSON.parse(json), afterSeq: reached, isLast };
  }

  /** Counts a session on from the last call; it is counted whole once `after_seq` is its latest seq. */
  async tally(session: string): Promise<SessionTally> {
    return JSON.parse(await said(this.#wasm.tally(session)));
  }

  /** Returns the coverage of a session. */
  async coverage(session: string): Promise<LoggedCoverage> {
    return JSON.parse(await said(this.#wasm.coverage(session)));
  }

  async storage(): Promise<LogStorage> {
    return JSON.parse(await said(this.#wasm.storage()));
  }

  /** Counts every session from its beginning again: somebody else has forgotten something. */
  tallyAnew(): void {
    this.#wasm.tallyAnew();
  }

  /** Leaves gaps of reason `deleted` in the places of what a selector wants; tells how many events those were. */
  forget(selector: string): Promise<number> {
    return said(this.#wasm.forget(selector));
  }

  /** Closes the connection; the next call opens it again. */
  close(): void {
    this.#wasm.close();
  }
}

/** Opens the logs of `databaseName` (`tabtape` when absent) to be read. */
export async function openLogReader(databaseName = "tabtape"): Promise<LogReader> {
  const { WasmLogReader } = instance().glue;
  return new LogReader(await said(WasmLogReader.open(databaseName)));
}

async function said<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (isTrap(error)) throw new TabtapeError("trap", String(error), { cause: error });
    throw wrapped(error);
  }
}
