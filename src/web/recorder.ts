import { isStrict } from "./durability.ts";
import { TabtapeError, wrapped } from "./errors.ts";
import { InputBuffer, isDataLast, stringified } from "./input_buffer.ts";
import { Reader } from "./reader.ts";
import { type RedactionRules, rulesText } from "./redaction.ts";
import type { ReaderOptions } from "./session.ts";
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
} from "./types.ts";
import { discard, type Glue, type Instance, instance, isTrap } from "./wasm.ts";

type WasmRecorder = Glue["WasmRecorder"]["prototype"];

/** Opens the recorder of this worker: resumes the session of `options.resume`, or begins one. */
export async function openRecorder(options: RecorderOptions): Promise<Recorder> {
  const home = instance();
  const plain = {
    databaseName: options.databaseName ?? "tabtape",
    resume: options.resume,
    reason: options.start.reason,
    config: options.config ?? {},
    redaction: rulesText(options.redaction ?? {}),
    strictDurability: isStrict(options.durability),
    unlimitedStorage: hasUnlimitedStorage(),
  };
  let opened: OpenRecorder | null = null;
  const tell = () => {
    if (opened) options.onStatus?.(opened.status());
  };
  try {
    const wasm = await home.glue.WasmRecorder.open(
      plain,
      options.saveResume,
      options.onStatus ? tell : undefined,
    );
    opened = new OpenRecorder(home, wasm);
    return opened;
  } catch (error) {
    if (isTrap(error)) discard(home);
    throw wrapped(error);
  }
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
    const text = stringified(event);
    this.#input.clear();
    this.#input.write(text);
    return this.#run(() => this.#wasm.publish(this.#input.length, isDataLast(event)));
  }

  openRelay(relayId: string, acknowledged: number): Promise<void> {
    return this.#wait(() => this.#wasm.openRelay(relayId, acknowledged));
  }

  publishRelay(relayId: string, context: RelayContext, firstMessage: number, lines: string): RelayReceipt {
    this.#input.clear();
    this.#input.write(lines);
    return this.#run(() => this.#wasm.publishRelay(relayId, context, firstMessage, this.#input.length));
  }

  recordDrop(category: string, count: number, reason: string): number {
    return this.#run(() => this.#wasm.recordDrop(category, count, reason));
  }

  committed(seq: number = this.#wasm.latestSeq): Promise<void> {
    return this.#wait(() => this.#wasm.committed(seq));
  }

  configure(patch: CaptureConfigPatch): CaptureConfig {
    this.#config = JSON.parse(this.#run(() => this.#wasm.configure(JSON.stringify(patch))));
    return this.#config;
  }

  setRedaction(rules: RedactionRules): void {
    this.#run(() => this.#wasm.setRedaction(rulesText(rules)));
  }

  isSiteRecorded(url: string): boolean {
    return this.#run(() => this.#wasm.isSiteRecorded(url));
  }

  matchPatterns(): { matches: string[]; exclude_matches: string[] } {
    return JSON.parse(this.#run(() => this.#wasm.matchPatterns()));
  }

  connect(target: CollectorTarget | null): void {
    this.#run(() => this.#wasm.connect(target));
  }

  flush(): Promise<void> {
    return this.#wait(() => this.#wasm.flush());
  }

  async reader(options: ReaderOptions = {}): Promise<Reader> {
    const selector = JSON.stringify(options.selector ?? "");
    return new Reader(await this.#wait(() => this.#wasm.reader(options.afterSeq ?? 0, selector)));
  }

  forget(selector: string): Promise<number> {
    return this.#wait(() => this.#wasm.forget(selector));
  }

  status(): RecorderStatus {
    return this.#run(() => this.#wasm.status());
  }

  close(): Promise<void> {
    return this.#wait(() => this.#wasm.close());
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

  async #wait<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!isTrap(error)) throw wrapped(error);
      discard(this.#instance);
      throw new TabtapeError("trap", String(error), { cause: error });
    }
  }
}
