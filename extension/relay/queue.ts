/**
 * Messages that a relay keeps until the worker has committed them.
 *
 * Each category has its own bounded line of messages, so that a flood of one costs the others nothing; taking goes
 * round the categories. A message gets its number when it is taken, and stays in the window, to be sent again
 * under the same number, until it is acknowledged. What does not fit is counted, and the count travels in place of
 * the loss: `{"drop":{"category","count","reason"}}`.
 *
 * Lengths are UTF-16 units: counting UTF-8 bytes of every line would cost more than it tells.
 */
import type { PendingMessages } from "./pending_messages.ts";

/** The most dropped events that one message can report; the core refuses more. */
export const MAX_DROP = 100_000_000;

/**
 * 20,000 messages are two seconds of the fastest page that was measured; 8 MiB bounds its cost per tab. The window
 * is as large, because no ack is received within a task that floods: what is not in flight when it crashes is lost.
 */
export const LIMITS = {
  /** Limits for each category. */
  maxMessages: 20_000,
  maxLength: 8 << 20,
  /** In flight, over all categories. */
  maxWindowMessages: 20_000,
  maxWindowLength: 4 << 20,
  /** In one post. */
  maxBatchMessages: 256,
  maxBatchLength: 512 << 10,
};

interface Lane {
  category: string;
  lines: string[];
  head: number;
  length: number;
  /** Lines dropped after the last one of this lane, which no message reports yet. */
  dropped: number;
}

export interface Batch {
  first: number;
  lines: string;
  count: number;
}

export class Queue {
  readonly #lanes: Lane[] = [];
  #turn = 0;
  #window: string[] = [];
  #windowLength = 0;
  /** Number of the first message in the window. */
  #windowFirst = 1;

  /** Creates a queue that continues with the messages another relay has left. */
  static inherit({ first, window, lanes }: PendingMessages): Queue {
    const queue = new Queue();
    queue.#windowFirst = first;
    queue.#window = window;
    queue.#windowLength = lengthOf(window);
    for (const { category, lines, dropped } of lanes) {
      queue.#lanes.push({ category, lines, head: 0, length: lengthOf(lines), dropped });
    }
    return queue;
  }

  /** Returns everything that is not acknowledged, for a successor of `relay`. */
  pendingMessages(relay: string): PendingMessages {
    const lanes = this.#lanes.map(({ category, lines, head, dropped }) => ({
      category,
      lines: lines.slice(head),
      dropped,
    }));
    return { relay, first: this.#windowFirst, window: this.#window, lanes };
  }

  push(category: string, line: string): void {
    const lane = this.#lane(category);
    const full =
      lane.lines.length - lane.head >= LIMITS.maxMessages || lane.length + line.length > LIMITS.maxLength;
    if (full) {
      lane.dropped++;
      return;
    }
    this.#closeDrop(lane);
    lane.lines.push(line);
    lane.length += line.length;
  }

  /** Returns the next messages to send in one post, as many as the window allows; null when it is empty. */
  take(ignoreWindow = false): Batch | null {
    const { maxWindowMessages, maxWindowLength, maxBatchMessages, maxBatchLength } = LIMITS;
    const taken: string[] = [];
    let length = 0;
    while (
      taken.length < maxBatchMessages &&
      length < maxBatchLength &&
      (ignoreWindow ||
        (this.#window.length + taken.length < maxWindowMessages &&
          this.#windowLength + length < maxWindowLength))
    ) {
      const line = this.#next();
      if (line === null) break;
      taken.push(line);
      length += line.length;
    }
    if (taken.length === 0) return null;
    const first = this.#windowFirst + this.#window.length;
    this.#window.push(...taken);
    this.#windowLength += length;
    return { first, lines: taken.join("\n"), count: taken.length };
  }

  /** Returns everything in flight, one batch per post, for a worker that may not have received it. */
  resend(): Batch[] {
    const batches: Batch[] = [];
    let [from, length] = [0, 0];
    for (let at = 0; at < this.#window.length; at++) {
      length += (this.#window[at] as string).length;
      const isFull = at - from + 1 >= LIMITS.maxBatchMessages || length >= LIMITS.maxBatchLength;
      if (!isFull && at < this.#window.length - 1) continue;
      const lines = this.#window.slice(from, at + 1);
      batches.push({ first: this.#windowFirst + from, lines: lines.join("\n"), count: lines.length });
      [from, length] = [at + 1, 0];
    }
    return batches;
  }

  /** The worker has committed every message up to and including `number`. */
  ack(number: number): void {
    const count = Math.min(number - this.#windowFirst + 1, this.#window.length);
    if (count <= 0) return;
    for (const line of this.#window.splice(0, count)) this.#windowLength -= line.length;
    this.#windowFirst += count;
  }

  /** Number of the last message that was acknowledged; 0 for none. */
  get lastAcked(): number {
    return this.#windowFirst - 1;
  }

  /** Number of the last message that was sent; 0 for none. */
  get lastSent(): number {
    return this.#windowFirst + this.#window.length - 1;
  }

  get inFlight(): number {
    return this.#window.length;
  }

  get waiting(): number {
    let count = 0;
    for (const lane of this.#lanes) count += lane.lines.length - lane.head + (lane.dropped > 0 ? 1 : 0);
    return count;
  }

  #lane(category: string): Lane {
    let lane = this.#lanes.find((candidate) => candidate.category === category);
    if (lane === undefined) {
      lane = { category, lines: [], head: 0, length: 0, dropped: 0 };
      this.#lanes.push(lane);
    }
    return lane;
  }

  #next(): string | null {
    for (let tried = 0; tried < this.#lanes.length; tried++) {
      const lane = this.#lanes[this.#turn++ % this.#lanes.length] as Lane;
      const line = lane.lines[lane.head];
      if (line !== undefined) {
        lane.head++;
        lane.length -= line.length;
        if (lane.head >= 1024 || lane.head === lane.lines.length) {
          lane.lines.splice(0, lane.head);
          lane.head = 0;
        }
        return line;
      }
      if (lane.dropped > 0) return this.#dropMessage(lane);
    }
    return null;
  }

  /** Ends a run of dropped lines: the drop is sent before the next line, so that its gap is where it happened. */
  #closeDrop(lane: Lane): void {
    while (lane.dropped > 0) {
      const message = this.#dropMessage(lane);
      lane.lines.push(message);
      lane.length += message.length;
    }
  }

  #dropMessage(lane: Lane): string {
    const count = Math.min(lane.dropped, MAX_DROP);
    lane.dropped -= count;
    return JSON.stringify({ drop: { category: lane.category, count, reason: "relay_queue_full" } });
  }
}

function lengthOf(lines: string[]): number {
  return lines.reduce((length, line) => length + line.length, 0);
}
