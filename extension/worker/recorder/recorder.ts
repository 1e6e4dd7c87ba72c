/**
 * The worker's one recorder: opens it, resumes it, replaces it after a trap, closes it.
 *
 * Producers call `record`; while the recorder is being opened the call waits, and while nothing is recorded it does
 * nothing. A trap of the wasm discards its instance: the session is resumed from its
 * log as after a killed worker, the item that trapped becomes drop `trap`, and three traps in a minute end recording.
 */
import type { Durability } from "../../../src/web/durability.ts";
import {
  captureConfig,
  init,
  isTrap as isWasmTrap,
  openRecorder,
  type RedactionRules,
  redactionRules,
} from "../../../src/web/index.ts";
import type {
  CaptureConfigPatch,
  CollectorTarget,
  EventInput,
  Recorder,
  RecorderStatus,
  ResumeRecord,
  WorkerStart,
} from "../../../src/web/types.ts";
import type { Host } from "../host.ts";

const RESUME_KEY = "tabtape_resume";
const MAX_TRAPS = 3;
const TRAP_WINDOW_MS = 60_000;
/** Observations that wait while the recorder opens; it takes some 50 ms. */
const MAX_WAITING = 10_000;

type Work = (recorder: Recorder) => void;

export interface Opening {
  reason: WorkerStart["reason"];
  capture: CaptureConfigPatch;
  redaction: RedactionRules;
  collector: CollectorTarget | null;
  durability: Durability;
  resume: ResumeRecord | null;
  before?: Promise<void>;
}

export interface RecorderHooks {
  /** Something is about to be recorded, now or when the recorder is open. */
  onWork(): void;
  /** A session has begun or continues. */
  onOpened(recorder: Recorder): void;
  onStatus(status: RecorderStatus): void;
  /** The instance was replaced: what it had not committed has to be sent again. */
  onReplaced(): void;
  /** Recording ended by itself. */
  onFailed(reason: string): void;
}

export class RecorderOwner {
  #recorder: Recorder | null = null;
  #waiting: { category: string; work: Work }[] | null = [];
  #waitingDropped = new Map<string, number>();
  #traps: number[] = [];
  #openings = 0;
  /** For the next one, should this one trap. */
  #options: Pick<Opening, "capture" | "redaction" | "collector" | "durability"> = {
    capture: {},
    redaction: {},
    collector: null,
    durability: "relaxed",
  };

  constructor(
    private readonly host: Host,
    private readonly hooks: RecorderHooks,
  ) {}

  get recorder(): Recorder | null {
    return this.#recorder;
  }

  /** Whether observations wait for the recorder to open. */
  get isOpening(): boolean {
    return this.#recorder === null && this.#waiting !== null;
  }

  /** Returns the record of an earlier worker of this browser: a session to continue, or losses to report. */
  static async resumable(): Promise<ResumeRecord | null> {
    const stored = await chrome.storage.session.get(RESUME_KEY);
    return (stored[RESUME_KEY] as ResumeRecord | undefined) ?? null;
  }

  /** Makes the core ready, which is all that needs no recorder. */
  loadCore(): Promise<void> {
    return init(chrome.runtime.getURL(`${this.host.folder}tabtape.wasm`));
  }

  /** `before` is awaited before anything that waits is recorded. */
  async open({ reason, resume, before, ...options }: Opening): Promise<Recorder> {
    this.#options = options;
    const { capture, redaction, durability } = options;
    this.#waiting ??= [];
    const opening = ++this.#openings;
    await this.loadCore();
    const recorder = await openRecorder({
      resume,
      start: { reason },
      config: capture,
      redaction,
      durability,
      saveResume: async (record) => {
        // One that was closed or has trapped may have something to say still: it is no longer asked.
        if (opening !== this.#openings) return;
        await (record === null
          ? chrome.storage.session.remove(RESUME_KEY)
          : chrome.storage.session.set({ [RESUME_KEY]: record }));
      },
      onStatus: (status) => this.hooks.onStatus(status),
    });
    await before;
    // Other settings may have been given while it was being opened.
    if (options.redaction !== redaction) recorder.setRedaction(options.redaction);
    if (options.capture !== capture) recorder.configure(captureConfig(options.capture));
    if (options.collector !== null) recorder.connect(options.collector);
    this.#recorder = recorder;
    this.hooks.onOpened(recorder);
    this.#runWaiting(recorder);
    return recorder;
  }

  /** Drops the waiting messages, because nothing is to be recorded. */
  discardQueue(): void {
    this.#waiting = null;
    this.#waitingDropped.clear();
  }

  async close(): Promise<void> {
    const recorder = this.#recorder;
    this.#recorder = null;
    this.discardQueue();
    await recorder?.close();
  }

  /** The capture config of the recorder that is being opened, and of the next one, should this one trap. */
  setCapture(capture: CaptureConfigPatch): void {
    this.#options.capture = capture;
  }

  setCollector(collector: CollectorTarget | null): void {
    this.#options.collector = collector;
    this.#recorder?.connect(collector);
  }

  /** Redacts every later event by other rules. Rules that are wrong are refused, and then nothing has changed. */
  async setRedaction(redaction: RedactionRules): Promise<void> {
    await this.loadCore();
    redactionRules(redaction);
    this.#options.redaction = redaction;
    this.#recorder?.setRedaction(redaction);
  }

  /** Says that something is about to be recorded, or is held until it is. */
  noteWork(): void {
    if (this.#recorder !== null || this.#waiting !== null) this.hooks.onWork();
  }

  /** Runs `work` on the recorder, now or when it is open. */
  record(category: string, work: Work): void {
    this.noteWork();
    if (this.#recorder !== null) this.#run(this.#recorder, category, work);
    else if (this.#waiting !== null) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ category, work });
      else this.#waitingDropped.set(category, (this.#waitingDropped.get(category) ?? 0) + 1);
    }
  }

  publish(event: EventInput): void {
    this.record(event.category, (recorder) => recorder.publish(event));
  }

  /** True when `error` was a trap: the recorder is being replaced. Any other error is the caller's. */
  trapped(error: unknown, category: string | null): boolean {
    if (!isTrap(error)) return false;
    void this.#replace(category);
    return true;
  }

  #run(recorder: Recorder, category: string, work: Work): void {
    try {
      work(recorder);
    } catch (error) {
      if (this.trapped(error, category)) return;
      // A refused event of ours is a mistake of ours; the stream says that something is missing.
      console.error("tabtape: refused", error);
      try {
        recorder.recordDrop(category, 1, "refused");
      } catch {
        // The session has closed meanwhile.
      }
    }
  }

  #runWaiting(recorder: Recorder): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const { category, work } of waiting) this.record(category, work);
    for (const [category, count] of this.#waitingDropped) {
      if (this.#recorder === recorder) recorder.recordDrop(category, count, "worker_starting");
    }
    this.#waitingDropped.clear();
  }

  async #replace(category: string | null): Promise<void> {
    this.#recorder = null;
    this.#waiting ??= [];
    const now = Date.now();
    this.#traps = [...this.#traps.filter((at) => now - at < TRAP_WINDOW_MS), now];
    if (this.#traps.length >= MAX_TRAPS) {
      this.discardQueue();
      this.hooks.onFailed("trap");
      return;
    }
    try {
      const recorder = await this.open({
        ...this.#options,
        reason: "trap",
        resume: await RecorderOwner.resumable(),
      });
      if (category !== null) recorder.recordDrop(category, 1, "trap");
      this.hooks.onReplaced();
    } catch (error) {
      console.error("tabtape: could not resume after a trap", error);
      this.discardQueue();
      this.hooks.onFailed("trap");
    }
  }
}

function isTrap(error: unknown): boolean {
  return isWasmTrap(error) || (error as { code?: string } | null)?.code === "trap";
}
