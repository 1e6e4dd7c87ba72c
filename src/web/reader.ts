import { checkInternal, type INTERNAL } from "./kinds.ts";
import type { Envelope, Gap, ReadResult, Selector } from "./records.ts";
import { attempt, attemptAsync, type Glue, type Instance } from "./wasm.ts";

type WasmReader = Glue["WasmReader"]["prototype"];

const decoder = new TextDecoder();

export interface ReaderOptions {
  /** Exclusive cursor; 0, the default, begins at the oldest event held. */
  afterSeq?: number;
  /** `category:console severity:warn`, or the same as an object; everything when absent. */
  selector?: Selector;
}

/**
 * One consumer's place in a session's ring. Independent of every other; a slow one receives the count of
 * records that it missed, and costs the others nothing.
 */
export class Reader implements AsyncIterable<ReadResult> {
  readonly #instance: Instance;
  readonly #wasm: WasmReader;

  /** @internal */
  constructor(key: typeof INTERNAL, home: Instance, wasm: WasmReader) {
    checkInternal(key, "Reader", "CaptureSession.reader");
    this.#instance = home;
    this.#wasm = wasm;
  }

  /** The resume token: pass it as `afterSeq` to continue from here. */
  get afterSeq(): number {
    return attempt(this.#instance, () => this.#wasm.afterSeq);
  }

  /** The next result, or null when caught up. */
  tryRead(): ReadResult | null {
    const packed = attempt(this.#instance, () => this.#wasm.tryRead());
    return packed === undefined ? null : unpacked(packed);
  }

  /** The next result, waiting for it. */
  async read(): Promise<ReadResult> {
    return attemptAsync(this.#instance, async () => unpacked(await this.#wasm.read()));
  }

  /** Every result up to and without `closed`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReadResult> {
    for (;;) {
      const result = this.tryRead() ?? (await this.read());
      if ("closed" in result) return;
      yield result;
    }
  }
}

function unpacked(packed: ["line", Uint8Array] | ["dropped", number, number] | ["closed"]): ReadResult {
  if (packed[0] === "closed") return { closed: true };
  if (packed[0] === "dropped") return { dropped: packed[1], nextSeq: packed[2] };
  const record: Envelope | { capture_session_id: string; gap: Gap } = JSON.parse(decoder.decode(packed[1]));
  return "gap" in record
    ? { gap: record.gap, captureSessionId: record.capture_session_id }
    : { envelope: record };
}
