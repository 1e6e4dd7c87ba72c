import { TabtapeError, throwing, wrapped } from "./errors.ts";
import { InputBuffer, isDataLast, stringified } from "./input_buffer.ts";
import type { CategoryLogs } from "./logs.ts";
import { Reader } from "./reader.ts";
import type { EventInput, Selector, SessionState } from "./records.ts";
import { type RedactionRules, rulesText } from "./redaction.ts";
import { discard, type Glue, type Instance, instance, isTrap } from "./wasm.ts";

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

export interface ReaderOptions {
  /** Exclusive cursor; 0, the default, begins at the oldest event held. */
  afterSeq?: number;
  /** `category:console severity:warn`, or the same as an object; everything when absent. */
  selector?: Selector;
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

/**
 * One recording. It orders what is published, makes it durable if it has a log, and shows it to readers.
 *
 * `latestSeq` always is the number of events plus the number of seqs spent on gaps.
 */
export class CaptureSession {
  readonly #instance: Instance;
  readonly #wasm: WasmSession;
  readonly #input: InputBuffer;

  constructor(options: CaptureSessionOptions = {}) {
    this.#instance = instance();
    const capacity = options.ringCapacity ?? DEFAULT_CAPACITY;
    const maxBytes = options.ringMaxBytes ?? DEFAULT_MAX_BYTES;
    const { glue } = this.#instance;
    this.#wasm = throwing(() =>
      options.log
        ? glue.WasmSession.withLog(options.log.of(options.sessionId), capacity, maxBytes)
        : new glue.WasmSession(options.sessionId, capacity, maxBytes),
    );
    const { redaction } = options;
    const key = options.redactionKey ?? (redaction && crypto.getRandomValues(new Uint8Array(32)));
    if (key) throwing(() => this.#wasm.redactWith(key, rulesText(redaction ?? {})));
    this.#input = new InputBuffer(this.#instance, this.#wasm);
  }

  get sessionId(): string {
    return this.#wasm.sessionId;
  }

  /** The last seq spent, committed or not. */
  get latestSeq(): number {
    return this.#wasm.latestSeq;
  }

  /** The last seq that is durable (or, without a log, in the ring). */
  get committedSeq(): number {
    return this.#wasm.committedSeq;
  }

  /** `logged`, `volatile`, `closed` or `superseded`. */
  get state(): SessionState {
    return this.#wasm.state as SessionState;
  }

  /** Accepts one event and returns its seq. */
  publish(event: EventInput): number {
    const text = stringified(event);
    this.#input.clear();
    this.#input.write(text);
    return this.#run(() => this.#wasm.publish(this.#input.length, isDataLast(event)));
  }

  /** Accepts many events, or NDJSON text, in one crossing; at most 1 MiB or one record. */
  publishBatch(events: readonly EventInput[] | string): BatchReceipt {
    this.#input.clear();
    let dataLast = false;
    if (typeof events === "string") {
      this.#input.write(events);
    } else {
      dataLast = true;
      for (const event of events) {
        this.#input.writeLine(stringified(event));
        dataLast &&= isDataLast(event);
      }
      this.#input.flush();
    }
    const [firstSeq, lastSeq, ...refused] = this.#run(() =>
      this.#wasm.publishBatch(this.#input.length, dataLast),
    );
    return { firstSeq, lastSeq, refused: refusals(refused) };
  }

  /** Counts `count` lost events: spends that many seqs on a gap and returns the last. */
  recordDrop(category: string, count: number, reason: string): number {
    return this.#run(() => this.#wasm.recordDrop(category, count, reason));
  }

  /** Redacts every later event by other rules. Throws `invalid_redaction`; has no effect in a session that redacts not. */
  setRedaction(rules: RedactionRules): void {
    this.#run(() => this.#wasm.setRedaction(rulesText(rules)));
  }

  /** A reader of what is committed. */
  reader(options: ReaderOptions = {}): Reader {
    const selector = JSON.stringify(options.selector ?? "");
    return new Reader(this.#run(() => this.#wasm.reader(options.afterSeq ?? 0, selector)));
  }

  /** Resolves once `seq` is committed; everything published so far when absent. */
  async committed(seq: number = this.latestSeq): Promise<void> {
    try {
      await this.#wasm.committed(seq);
    } catch (error) {
      throw wrapped(error);
    }
  }

  /** Commits, and takes no more publishes. Closing twice is fine. */
  async close(): Promise<void> {
    this.#run(() => this.#wasm.close());
    await this.committed();
  }

  #run<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!isTrap(error)) throw wrapped(error);
      discard(this.#instance);
      throw new TabtapeError("trap", `the core trapped and this session is over: ${String(error)}`, {
        cause: error,
      });
    } finally {
      this.#input.afterRead();
    }
  }
}

function refusals(flat: unknown[]): BatchReceipt["refused"] {
  const refused = [];
  for (let at = 0; at < flat.length; at += 3) {
    refused.push({ index: Number(flat[at]), code: String(flat[at + 1]), message: String(flat[at + 2]) });
  }
  return refused;
}
