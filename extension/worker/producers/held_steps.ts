/**
 * Steps of requests that wait for the protocol's record, mirrored to `chrome.storage.session`.
 *
 * A step may wait for seconds (see `exchanges.ts`), so it is written in the task in which it is observed. It is deleted
 * when the protocol reports the same step, or when it is published and committed. A worker that is killed between a
 * commit and the deletion leaves a step that is in the log already; the next worker looks there before it publishes.
 */
import type { WebRequestId, WebRequestStep } from "./web_request_step.ts";

export interface HeldStep {
  web: WebRequestId;
  place: Record<string, string>;
  /** The protocol's id of the request, if the protocol has reported some of it. */
  protocolId: string | null;
  taken: WebRequestStep;
}

const PREFIX = "tabtape_held:";
/** `chrome.storage.session` has 10 MB in all, and holds the record that resumes a session, too. */
const MAX_CHARS = 3_000_000;

export class HeldSteps {
  readonly #sizes = new Map<string, number>();
  #chars = 0;
  #count = 0;
  readonly #stored = new Map<string, HeldStep>();
  #puts = new Map<string, { step: HeldStep; onRefused: () => void }>();
  #deletions = new Set<string>();
  #isScheduled = false;

  constructor(private readonly onPut: () => void) {}

  get isEmpty(): boolean {
    return this.#stored.size === 0;
  }

  /** Stores a step and returns its key; calls `onRefused` later if there is no room. */
  put(step: HeldStep, onRefused: () => void): string {
    this.onPut();
    // Keys are in the order of the steps, also across workers.
    const key = `${PREFIX}${Date.now()}.${String(++this.#count).padStart(9, "0")}`;
    const size = JSON.stringify(step).length;
    this.#sizes.set(key, size);
    this.#chars += size;
    this.#stored.set(key, step);
    this.#puts.set(key, { step, onRefused });
    this.#schedule();
    return key;
  }

  /** Adds the protocol's id to a step. */
  pair(key: string, protocolId: string): void {
    const step = this.#stored.get(key);
    if (step === undefined) return;
    step.protocolId = protocolId;
    const onRefused = this.#puts.get(key)?.onRefused ?? (() => {});
    this.#puts.set(key, { step, onRefused });
    this.#schedule();
  }

  delete(key: string): void {
    this.#chars -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
    this.#stored.delete(key);
    this.#puts.delete(key);
    this.#deletions.add(key);
    this.#schedule();
  }

  /** Returns the steps of the worker before, the oldest first. */
  async restore(): Promise<[string, HeldStep][]> {
    const stored = (await chrome.storage.session.get(null)) as Record<string, HeldStep>;
    const steps = Object.entries(stored)
      .filter(([name]) => name.startsWith(PREFIX) && !this.#stored.has(name))
      .sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [key, step] of steps) this.#stored.set(key, step);
    return steps;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // One write for what happens in one task. With a timer, the worker could be killed before the write.
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#write();
    });
  }

  #write(): void {
    const puts = this.#puts;
    const deletions = [...this.#deletions];
    this.#puts = new Map();
    this.#deletions = new Set();
    if (deletions.length > 0) void chrome.storage.session.remove(deletions).catch(() => {});
    if (puts.size === 0) return;
    const refuse = (): void => {
      for (const { onRefused } of puts.values()) onRefused();
    };
    if (this.#chars > MAX_CHARS) {
      refuse();
      return;
    }
    const values = Object.fromEntries([...puts].map(([key, { step }]) => [key, step]));
    chrome.storage.session.set(values).catch(refuse);
  }
}
