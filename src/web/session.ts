import { TabtapeError } from "./errors.ts";
import { InputBuffer } from "./input_buffer.ts";
import { checked, INTERNAL } from "./kinds.ts";
import type { CategoryLogs } from "./logs.ts";
import { Reader, type ReaderOptions } from "./reader.ts";
import type { EventInput, SessionState } from "./records.ts";
import { NO_RULES, type RedactionRules } from "./redaction.ts";
import { SIGNATURES, type WasmLogs } from "./signatures.ts";
import { attempt, attemptAsync, type Glue, type Instance, instance } from "./wasm.ts";

type WasmSession = Glue["WasmSession"]["prototype"];

export interface CaptureSessionOptions {
  /** A lower-case UUID; a new one of version 7 when absent (with a `log`: the log's). */
  sessionId?: string;
  /** Most entries the ring holds; 1024 when absent. */
  ringCapacity?: number;
  /** Most bytes of lines the ring holds; 32 MiB when absent. */
  ringMaxBytes?: number;
  /** The log that makes events durable before readers see them; without one the session is in memory only. */
  log?: CategoryLogs;
  /**
   * 32 secret bytes: secrets in events are replaced by `[redacted:7f3a91c2]` before anything else happens to
   * them, equal secrets by equal placeholders under the same key. Not redacted when absent, unless `redaction` is given.
   */
  redactionKey?: Uint8Array;
  /** Rules to add to the built-in ones and rules to silence. Without a `redactionKey` the session has a random one. */
  redaction?: RedactionRules;
}

/** The result of publishing a batch. */
export interface BatchReceipt {
  /** The first and last seq spent; 0 when none was. */
  firstSeq: number;
  lastSeq: number;
  /** Refused events, by index in the batch; no seq was spent on them. */
  refused: { index: number; code: string; message: string }[];
}

const DEFAULT_CAPACITY = 1024;
const DEFAULT_MAX_BYTES = 32 << 20;
/** The selector that wants everything, as JSON. */
const EVERYTHING = '""';

/**
 * One recording. It orders what is published, makes it durable if it has a log, and shows it to readers.
 *
 * `latestSeq` always is the number of events plus the number of seqs spent on gaps.
 */
export class CaptureSession {
  readonly #instance: Instance;
  readonly #wasm: WasmSession;
  readonly #input: InputBuffer;
  readonly #redacts: boolean;

  constructor(options?: CaptureSessionOptions) {
    const [read] = checked(SIGNATURES["new CaptureSession"], options);
    const { sessionId, log, redaction, redactionKey } = read;
    const { ringCapacity = DEFAULT_CAPACITY, ringMaxBytes = DEFAULT_MAX_BYTES } = read;
    this.#instance = instance();
    const { glue } = this.#instance;
    this.#redacts = redactionKey !== undefined || redaction !== undefined;
    if (log !== undefined) checkLogs(log, this.#instance, sessionId);
    this.#wasm = attempt(this.#instance, () => {
      const wasm =
        log === undefined
          ? new glue.WasmSession(sessionId, ringCapacity, ringMaxBytes)
          : glue.WasmSession.withLog(log.wasm, ringCapacity, ringMaxBytes);
      // Rules alone redact, too, by a key of their own.
      const key =
        redactionKey ?? (redaction === undefined ? undefined : crypto.getRandomValues(new Uint8Array(32)));
      if (key !== undefined) wasm.redactWith(key, redaction ?? NO_RULES);
      return wasm;
    });
    this.#input = new InputBuffer(this.#instance, this.#wasm);
  }

  get sessionId(): string {
    return this.#run(() => this.#wasm.sessionId);
  }

  /** The last seq spent, committed or not. */
  get latestSeq(): number {
    return this.#run(() => this.#wasm.latestSeq);
  }

  /** The last seq that is durable (or, without a log, in the ring). */
  get committedSeq(): number {
    return this.#run(() => this.#wasm.committedSeq);
  }

  /** `logged`, `volatile`, `closed` or `superseded`. */
  get state(): SessionState {
    return this.#run(() => this.#wasm.state as SessionState);
  }

  /** Accepts one event and returns its seq. */
  publish(event: EventInput): number {
    const [{ text, isDataLast }] = checked(SIGNATURES["CaptureSession.publish"], event);
    this.#input.clear();
    this.#input.write(text);
    return this.#run(() => this.#wasm.publish(this.#input.length, isDataLast));
  }

  /** Accepts many events, or NDJSON text, in one crossing; at most 1 MiB or one record. */
  publishBatch(events: readonly EventInput[] | string): BatchReceipt {
    const [read] = checked(SIGNATURES["CaptureSession.publishBatch"], events);
    this.#input.clear();
    let isDataLast = false;
    if (typeof read === "string") {
      this.#input.write(read);
    } else {
      isDataLast = true;
      for (const event of read) {
        this.#input.writeLine(event.text);
        isDataLast &&= event.isDataLast;
      }
      this.#input.flush();
    }
    const [firstSeq, lastSeq, ...refused] = this.#run(() =>
      this.#wasm.publishBatch(this.#input.length, isDataLast),
    );
    return { firstSeq, lastSeq, refused: refusals(refused) };
  }

  /** Counts `count` lost events: spends that many seqs on a gap and returns the last. */
  recordDrop(category: string, count: number, reason: string): number {
    const row = checked(SIGNATURES["CaptureSession.recordDrop"], category, count, reason);
    return this.#run(() => this.#wasm.recordDrop(...row));
  }

  /** Redacts every later event by other rules. Throws `invalid_redaction`, also in a session without redaction. */
  setRedaction(rules: RedactionRules): void {
    const row = checked(SIGNATURES["CaptureSession.setRedaction"], rules);
    if (!this.#redacts) {
      const right = "expected a session with a redactionKey or redaction rules from the beginning";
      throw new TabtapeError("invalid_redaction", `${right}; this one does not redact`);
    }
    this.#run(() => this.#wasm.setRedaction(...row));
  }

  /** A reader of what is committed. */
  reader(options?: ReaderOptions): Reader {
    const [read] = checked(SIGNATURES["CaptureSession.reader"], options);
    const { afterSeq = 0, selector = EVERYTHING } = read;
    const wasm = this.#run(() => this.#wasm.reader(afterSeq, selector));
    return new Reader(INTERNAL, this.#instance, wasm);
  }

  /** Resolves once `seq` is committed; everything published so far when absent. */
  async committed(seq?: number): Promise<void> {
    const [until = this.latestSeq] = checked(SIGNATURES["CaptureSession.committed"], seq);
    await attemptAsync(this.#instance, () => this.#wasm.committed(until));
  }

  /** Commits, and takes no more publishes. Closing twice is fine. */
  async close(): Promise<void> {
    this.#run(() => this.#wasm.close());
    await this.committed();
  }

  #run<T>(body: () => T): T {
    try {
      return attempt(this.#instance, body);
    } finally {
      this.#input.afterRead();
    }
  }
}

/** Logs are those of one session, and live in one instance of the core. */
function checkLogs(log: WasmLogs, home: Instance, sessionId: string | undefined): void {
  if (log.instance !== home) {
    throw new TabtapeError("trap", "log: expected logs of a running core, got logs of one that has trapped");
  }
  const its = log.wasm.sessionId;
  if (sessionId === undefined || sessionId === its) return;
  throw new TabtapeError(
    "invalid_session_id",
    `sessionId: expected ${its}, whose logs these are, got ${sessionId}`,
  );
}

function refusals(flat: unknown[]): BatchReceipt["refused"] {
  const refused = [];
  for (let at = 0; at < flat.length; at += 3) {
    refused.push({ index: Number(flat[at]), code: String(flat[at + 1]), message: String(flat[at + 2]) });
  }
  return refused;
}
