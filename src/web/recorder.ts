import { wrapped } from "./errors.ts";
import { InputBuffer } from "./input_buffer.ts";
import { checked, INTERNAL } from "./kinds.ts";
import { Reader, type ReaderOptions } from "./reader.ts";
import { NO_RULES, type RedactionRules } from "./redaction.ts";
import { SIGNATURES } from "./signatures.ts";
import type {
  CaptureConfig,
  CaptureConfigPatch,
  CollectorTarget,
  EventInput,
  Recorder,
  RecorderOptions,
  RecorderStatus,
  RelayContext,
  RelayReceipt,
  WatchedUntil,
} from "./types.ts";
import { attempt, attemptAsync, discard, type Glue, type Instance, instance, isTrap } from "./wasm.ts";

type WasmRecorder = Glue["WasmRecorder"]["prototype"];

/** Opens the recorder of this worker: resumes the session of `options.resume`, or begins one. */
export async function openRecorder(options: RecorderOptions): Promise<Recorder> {
  const [read] = checked(SIGNATURES.openRecorder, options);
  const { saveResume, onStatus } = read;
  const home = instance();
  const plain = {
    databaseName: read.databaseName ?? "tabtape",
    resume: read.resume,
    reason: read.start.reason,
    config: read.config ?? {},
    redaction: read.redaction ?? NO_RULES,
    strictDurability: read.durability === "strict",
    unlimitedStorage: hasUnlimitedStorage(),
  };
  let opened: OpenRecorder | null = null;
  const tell = () => {
    if (opened) onStatus?.call(options, opened.status());
  };
  return attemptAsync(home, async () => {
    const wasm = await home.glue.WasmRecorder.open(plain, saveResume, onStatus ? tell : undefined);
    opened = new OpenRecorder(home, wasm);
    return opened;
  });
}

/**
 * Returns the capture config that a recorder with the config `patch` begins with. Throws `invalid_config`, which names
 * the wrong field.
 */
export function captureConfig(patch?: CaptureConfigPatch): CaptureConfig {
  const [read = {}] = checked(SIGNATURES.captureConfig, patch);
  const home = instance();
  return attempt(home, () => JSON.parse(home.glue.captureConfig(JSON.stringify(read))));
}

/**
 * Whether this is an extension that browsers evict nothing of. They do not tell it by `navigator.storage.persisted()`,
 * and workers cannot ask by `persist()`.
 * https://developer.chrome.com/docs/extensions/develop/concepts/storage-and-cookies#unlimited-storage
 */
function hasUnlimitedStorage(): boolean {
  const scope = globalThis as { chrome?: { runtime?: { getManifest?(): { permissions?: string[] } } } };
  return scope.chrome?.runtime?.getManifest?.().permissions?.includes("unlimitedStorage") ?? false;
}

class OpenRecorder implements Recorder {
  readonly #instance: Instance;
  readonly #wasm: WasmRecorder;
  readonly #input: InputBuffer;
  #config: CaptureConfig;
  /** The lowered levels in `#config`, as JSON. */
  #lowered = "[]";

  constructor(home: Instance, wasm: WasmRecorder) {
    this.#instance = home;
    this.#wasm = wasm;
    this.#input = new InputBuffer(home, wasm);
    this.#config = JSON.parse(wasm.config);
  }

  get sessionId(): string {
    return this.#wasm.sessionId;
  }

  get epoch(): number {
    return this.#wasm.epoch;
  }

  get config(): CaptureConfig {
    return this.#config;
  }

  publish(event: EventInput): number {
    const [{ text, isDataLast }] = checked(SIGNATURES["Recorder.publish"], event);
    this.#input.clear();
    this.#input.write(text);
    return this.#run(() => this.#wasm.publish(this.#input.length, isDataLast));
  }

  openRelay(relayId: string, acknowledged: number): Promise<void> {
    return attemptAsync(this.#instance, () =>
      this.#wasm.openRelay(...checked(SIGNATURES["Recorder.openRelay"], relayId, acknowledged)),
    );
  }

  publishRelay(relayId: string, context: RelayContext, firstMessage: number, lines: string): RelayReceipt {
    const [relay, sender, first, text] = checked(
      SIGNATURES["Recorder.publishRelay"],
      relayId,
      context,
      firstMessage,
      lines,
    );
    this.#input.clear();
    this.#input.write(text);
    const provenance = JSON.stringify(sender);
    return this.#run(() => this.#wasm.publishRelay(relay, provenance, first, this.#input.length));
  }

  noteRelay(queued: number, events: number, micros: number): void {
    const row = checked(SIGNATURES["Recorder.noteRelay"], queued, events, micros);
    this.#run(() => this.#wasm.noteRelay(...row));
  }

  recordDrop(category: string, count: number, reason: string): number {
    const row = checked(SIGNATURES["Recorder.recordDrop"], category, count, reason);
    return this.#run(() => this.#wasm.recordDrop(...row));
  }

  committed(seq?: number): Promise<void> {
    return attemptAsync(this.#instance, () => {
      const [until = this.#wasm.latestSeq] = checked(SIGNATURES["Recorder.committed"], seq);
      return this.#wasm.committed(until);
    });
  }

  commit(): void {
    this.#run(() => this.#wasm.commit());
  }

  confirmWatched(until: WatchedUntil): Promise<void> {
    return attemptAsync(this.#instance, () => {
      const [read] = checked(SIGNATURES["Recorder.confirmWatched"], until);
      return this.#wasm.confirmWatched(JSON.stringify(read));
    });
  }

  configure(patch: CaptureConfigPatch): CaptureConfig {
    const [read] = checked(SIGNATURES["Recorder.configure"], patch);
    this.#config = JSON.parse(this.#run(() => this.#wasm.configure(JSON.stringify(read))));
    return this.#config;
  }

  setRedaction(rules: RedactionRules): void {
    const row = checked(SIGNATURES["Recorder.setRedaction"], rules);
    this.#run(() => this.#wasm.setRedaction(...row));
  }

  isSiteRecorded(url: string): boolean {
    const row = checked(SIGNATURES["Recorder.isSiteRecorded"], url);
    return this.#run(() => this.#wasm.isSiteRecorded(...row));
  }

  matchPatterns(): { matches: string[]; exclude_matches: string[] } {
    return JSON.parse(this.#run(() => this.#wasm.matchPatterns()));
  }

  connect(target: CollectorTarget | null): void {
    const row = checked(SIGNATURES["Recorder.connect"], target);
    this.#run(() => this.#wasm.connect(...row));
  }

  flush(): Promise<void> {
    return attemptAsync(this.#instance, () => this.#wasm.flush());
  }

  async reader(options?: ReaderOptions): Promise<Reader> {
    const [read] = checked(SIGNATURES["Recorder.reader"], options);
    const { afterSeq = 0, selector = '""' } = read;
    const wasm = await attemptAsync(this.#instance, () => this.#wasm.reader(afterSeq, selector));
    return new Reader(INTERNAL, this.#instance, wasm);
  }

  forget(selector: string): Promise<number> {
    return attemptAsync(this.#instance, () =>
      this.#wasm.forget(...checked(SIGNATURES["Recorder.forget"], selector)),
    );
  }

  status(): RecorderStatus {
    const status: RecorderStatus = this.#run(() => this.#wasm.status());
    const lowered = JSON.stringify(status.lowered);
    if (lowered !== this.#lowered) {
      this.#lowered = lowered;
      this.#config = JSON.parse(this.#wasm.config);
    }
    return status;
  }

  close(): Promise<void> {
    return attemptAsync(this.#instance, () => this.#wasm.close());
  }

  /** A trap is passed on as it is: the owner opens a new recorder, on a fresh instance. */
  #run<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (!isTrap(error)) throw wrapped(error);
      discard(this.#instance);
      throw error;
    } finally {
      this.#input.afterRead();
    }
  }
}
