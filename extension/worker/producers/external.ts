/**
 * Events that other extensions publish, once a person has approved them.
 *
 * By message: `chrome.runtime.sendMessage(TABTAPE_ID, { publish: event })` or `{ publish: [event, …] }`, answered by
 * `{ first_seq, last_seq, left_out }` or `{ error }`. By port: the same messages, answered one by one. We write the
 * `source`: kind `extension`, and their id as `extension_id`; of theirs only `source.event` is kept. They cannot publish
 * in built-in categories; events of a category that a person has turned off are left out.
 */
import type { EventInput, Recorder } from "../../../src/web/types.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import { levelOf } from "./levels.ts";

const BUILT_IN = new Set(["console", "network", "page", "tab", "interaction", "system"]);
const MAX_EVENTS = 500;
const MAX_LENGTH = 1 << 20;
/** Events per second of one extension, with as many saved up. */
const RATE = 1_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class External {
  readonly #buckets = new Map<string, Bucket>();
  /** Those that tried and are not approved, for a person to decide. */
  readonly asking = new Set<string>();

  constructor(
    private readonly owner: RecorderOwner,
    private readonly isApproved: (extensionId: string) => boolean,
  ) {}

  listen(begun: () => Promise<void>): void {
    chrome.runtime.onMessageExternal.addListener((message, sender, answer) => {
      void this.#answer(begun(), message, sender).then(answer);
      return true;
    });
    chrome.runtime.onConnectExternal.addListener((port) => {
      port.onMessage.addListener((message) => {
        void this.#answer(begun(), message, port.sender ?? {})
          .then((answer) => port.postMessage(answer))
          .catch(() => {
            // They have gone.
          });
      });
    });
  }

  /** Answers every caller, also from a worker that could not start or a session that has just closed. */
  async #answer(
    begun: Promise<void>,
    message: unknown,
    sender: chrome.runtime.MessageSender,
  ): Promise<object> {
    try {
      await begun;
      return this.#take(message, sender);
    } catch (error) {
      const { message: text, code } = error as Error & { code?: string };
      return { error: text, code: code ?? "failed" };
    }
  }

  #take(message: unknown, sender: chrome.runtime.MessageSender): object {
    const id = sender.id;
    if (id === undefined) return { error: "only extensions can publish", code: "not_an_extension" };
    if (!this.isApproved(id)) {
      if (this.asking.size < 32) this.asking.add(id);
      return {
        error: `extension ${id} is not approved; a person can do that in the popup of Tabtape`,
        code: "not_approved",
      };
    }
    const { recorder } = this.owner;
    if (recorder === null) return { error: "nothing is being recorded", code: "not_recording" };
    const { publish } = (message ?? {}) as { publish?: unknown };
    const events = Array.isArray(publish) ? publish : publish === undefined ? [] : [publish];
    if (events.length === 0)
      return { error: "expected { publish: event } or { publish: [event, …] }", code: "invalid_message" };
    if (events.length > MAX_EVENTS)
      return { error: `${events.length} events; expected at most ${MAX_EVENTS}`, code: "too_many" };
    const { length } = JSON.stringify(events);
    if (length > MAX_LENGTH)
      return { error: `${length} characters; expected at most ${MAX_LENGTH}`, code: "too_large" };
    if (!this.#spend(id, events.length)) {
      const category = this.#categoryOf(events[0]);
      recorder.recordDrop(category, events.length, "rate_limited");
      return { error: `more than ${RATE} events per second`, code: "rate_limited" };
    }
    return this.#publish(recorder, events, id);
  }

  #publish(recorder: Recorder, events: unknown[], id: string): object {
    let first: number | null = null;
    let last: number | null = null;
    let leftOut = 0;
    for (const [index, event] of events.entries()) {
      if (levelOf(recorder.config, this.#categoryOf(event)) === null) {
        leftOut++;
        continue;
      }
      try {
        last = recorder.publish(stamped(event, id));
        first ??= last;
      } catch (error) {
        if (this.owner.trapped(error, null)) return { error: "the recorder is restarting", code: "trapped" };
        const { message, code } = error as Error & { code?: string };
        return { first_seq: first, last_seq: last, index, error: message, code: code ?? "invalid_event" };
      }
    }
    return { first_seq: first, last_seq: last, left_out: leftOut };
  }

  #categoryOf(event: unknown): string {
    const { category } = (event ?? {}) as { category?: unknown };
    return typeof category === "string" && /^[a-z][a-z0-9_]{0,31}$/.test(category) ? category : "external";
  }

  #spend(id: string, count: number): boolean {
    const now = Date.now();
    const bucket = this.#buckets.get(id) ?? { tokens: RATE, atMs: now };
    bucket.tokens = Math.min(RATE, bucket.tokens + ((now - bucket.atMs) * RATE) / 1000);
    bucket.atMs = now;
    this.#buckets.set(id, bucket);
    if (bucket.tokens < count) return false;
    bucket.tokens -= count;
    return true;
  }
}

function stamped(event: unknown, id: string): EventInput {
  if (typeof event !== "object" || event === null)
    throw new Error(`an event must be an object, got ${JSON.stringify(event)}`);
  const given = event as EventInput;
  if (BUILT_IN.has(given.category)) {
    throw new Error(`category "${given.category}" is recorded by Tabtape itself; choose one of your own`);
  }
  const sourceEvent = (given.source as { event?: unknown } | undefined)?.event;
  return {
    ...given,
    source: {
      kind: "extension",
      ...(typeof sourceEvent === "string" ? { event: sourceEvent } : {}),
      metadata: { extension_id: id },
    },
  };
}
