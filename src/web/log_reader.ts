import { checked, checkInternal, INTERNAL } from "./kinds.ts";
import { SIGNATURES } from "./signatures.ts";
import { attemptAsync, type Glue, type Instance, instance } from "./wasm.ts";

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
  /** Documents of which an unknown number of events is lost. */
  lost: { from_ts: number; to_ts: number; document_id: string; tab_id: string | null; reason: string }[];
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
 * Reads the category logs of every session in a database. It owns none of them: their recorder continues
 * undisturbed.
 */
export class LogReader {
  readonly #instance: Instance;
  readonly #wasm: WasmLogReader;

  /** @internal */
  constructor(key: typeof INTERNAL, home: Instance, wasm: WasmLogReader) {
    checkInternal(key, "LogReader", "openLogReader");
    this.#instance = home;
    this.#wasm = wasm;
  }

  /** Every session, oldest first. */
  async sessions(): Promise<LoggedSession[]> {
    return JSON.parse(await this.#wait(this.#wasm.sessions()));
  }

  /**
   * Records of a session after a seq that a selector wants. A page can be empty without being the last one:
   * a call looks through some megabytes.
   */
  async read(session: string, afterSeq: number, selector: string, limit: number): Promise<LogPage> {
    const row = checked(SIGNATURES["LogReader.read"], session, afterSeq, selector, limit);
    const packed = await this.#wait(this.#wasm.read(...row));
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
    const row = checked(SIGNATURES["LogReader.headers"], session, afterSeq, untilSeq, selector, limit);
    const packed = await this.#wait(this.#wasm.headers(...row));
    const [json, reached, isLast] = packed as [string, number, boolean];
    return { columns: JSON.parse(json), afterSeq: reached, isLast };
  }

  /** Counts a session on from the last call; it is counted whole once `after_seq` is its latest seq. */
  async tally(session: string): Promise<SessionTally> {
    const row = checked(SIGNATURES["LogReader.tally"], session);
    return JSON.parse(await this.#wait(this.#wasm.tally(...row)));
  }

  /** Returns the coverage of a session. */
  async coverage(session: string): Promise<LoggedCoverage> {
    const row = checked(SIGNATURES["LogReader.coverage"], session);
    return JSON.parse(await this.#wait(this.#wasm.coverage(...row)));
  }

  async storage(): Promise<LogStorage> {
    return JSON.parse(await this.#wait(this.#wasm.storage()));
  }

  /** Counts every session from its beginning again: somebody else has forgotten something. */
  tallyAnew(): void {
    this.#wasm.tallyAnew();
  }

  /** Leaves gaps of reason `deleted` in the places of what a selector wants; tells how many events those were. */
  async forget(selector: string): Promise<number> {
    const row = checked(SIGNATURES["LogReader.forget"], selector);
    return await this.#wait(this.#wasm.forget(...row));
  }

  /** Closes the connection; the next call opens it again. */
  close(): void {
    this.#wasm.close();
  }

  #wait<T>(asked: Promise<T>): Promise<T> {
    return attemptAsync(this.#instance, () => asked);
  }
}

/** Opens the logs of `databaseName` (`tabtape` when absent) to be read. */
export async function openLogReader(databaseName?: string): Promise<LogReader> {
  const [name = "tabtape"] = checked(SIGNATURES.openLogReader, databaseName);
  const home = instance();
  const wasm = await attemptAsync(home, () => home.glue.WasmLogReader.open(name));
  return new LogReader(INTERNAL, home, wasm);
}
