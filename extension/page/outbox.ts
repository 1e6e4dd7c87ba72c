/**
 * Lines on their way from the hook to the relay.
 *
 * Passing lines to the relay costs more than making one, so the lines of a task are passed together, in a microtask
 * at its end. Some are passed within the call: a console's line that nothing preceded for some milliseconds, an urgent line,
 * every line while the document is being left, and the lines of a flood, a block at a time. A page that hangs,
 * crashes or closes itself right after such a call does not take them along.
 */

import type { Cause } from "./causes.ts";
import {
  address,
  enqueueMicrotask,
  max,
  nowMicros,
  nowMicrosAndReset,
  quote,
  round,
  send,
} from "./natives.ts";

const MAX_LINES = 64;
const MAX_CHARACTERS = 128 * 1024;
/** A line is passed at once if so much time has passed since the last block. */
const QUIET_MICROS = 5_000;
/** Characters. A longer address, mostly of a `data:` document, is left to the worker, which has it once per relay. */
const MAX_ADDRESS = 2_048;

/** The data that `verbose` would store of an event that is recorded at `standard`. */
export interface Detail {
  /** JSON. */
  data: string;
  truncated: boolean;
}

export class Outbox {
  readonly #target: EventTarget;
  #lines = "";
  #count = 0;
  /** Calls of the console that could not be recorded, not even by {@link lose}: at the end of the stack it throws. */
  lostCalls = 0;
  #lost = 0;
  #lostRequests = 0;
  #flushedTs = 0;
  #details = 0;
  #isLeaving = false;
  /** The cost of the lines since the last `cost`: of passing all of them, and of making some of them. */
  #passed = 0;
  #passingMicros = 0;
  #measured = 0;
  #makingMicros = 0;
  #address = "";
  /** The `url` field for `#address`, with a comma in front; empty for an address that is too long. */
  #url = "";
  /** Whether a microtask passes the lines. */
  #isDue = false;
  readonly #flush = (): void => {
    this.#isDue = false;
    this.flush();
  };

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /**
   * `data` is JSON. The address of a `network` event is the request's, which the worker has. `cause` is what the event
   * came from. The relay keeps `detail`.
   */
  put(
    ts: number,
    type: string,
    category: string,
    sourceEvent: string,
    level: string,
    data: string,
    truncated: boolean,
    isUrgent: boolean,
    cause: Cause | null,
    detail: Detail | null = null,
  ): void {
    const head =
      `{"ts":${cause === null ? ts : max(ts, cause.ts + 1)},"type":${quote(type)},"category":"${category}","source_event":${quote(sourceEvent)}` +
      `${cause === null ? "" : `,"cause_id":${quote(cause.id)}`}${category === "network" ? "" : this.#urlField()}`;
    const id = detail === null ? "" : `,"detail_id":${++this.#details}`;
    if (detail !== null) this.#keep(this.#details, head, detail);
    const line = `${head}${level === "standard" ? "" : `,"detail_level":"${level}"`}${id}${ending(data, truncated)}`;
    this.#lines = this.#count === 0 ? line : `${this.#lines}\n${line}`;
    this.#count++;
    const isFull = this.#count >= MAX_LINES || this.#lines.length >= MAX_CHARACTERS;
    // A clock that was set back must not hold anything back.
    const isFirst = category !== "network" && (ts - this.#flushedTs > QUIET_MICROS || ts < this.#flushedTs);
    if ((isUrgent || isFull || isFirst || this.#isLeaving) && hasStack()) {
      this.#flushedTs = ts;
      // The `ts` of an error or a request is not the time at which its line was begun.
      this.flush(isUrgent, isUrgent || category !== "console" ? null : ts);
    } else if (!this.#isDue) {
      try {
        enqueueMicrotask(this.#flush);
        this.#isDue = true;
      } catch {
        // At the end of the stack. It is passed on with the next event.
      }
    }
  }

  /** The relay keeps a `network` event that only `verbose` records. */
  keep(ts: number, type: string, sourceEvent: string, detail: Detail): void {
    const head = `{"ts":${ts},"type":${quote(type)},"category":"network","source_event":${quote(sourceEvent)}`;
    this.#keep(0, head, detail);
  }

  #keep(id: number, head: string, { data, truncated }: Detail): void {
    send(this.#target, "detail", `${id} ${head},"detail_level":"verbose"${ending(data, truncated)}`);
  }

  /** The relay sends the details that it keeps. */
  handOver(): void {
    this.flush();
    send(this.#target, "hand_over", "");
  }

  /** One event could not be made, most likely because the page's stack is full. The count is passed on later. */
  lose(category: "console" | "network" = "console"): void {
    if (category === "console") this.#lost++;
    else this.#lostRequests++;
    try {
      enqueueMicrotask(this.#flush);
    } catch {
      // It is passed on with the next event.
    }
  }

  /** Passes on what there is; from now on each line at once if the document is being left. */
  drain(isLeaving: boolean): void {
    this.#isLeaving = isLeaving;
    this.flush();
    this.#passCost();
  }

  /** `begunTs` is when the call began that has made the last line. */
  flush(isUrgent = false, begunTs: number | null = null): void {
    this.#addDrop("console", this.#lost + this.lostCalls);
    this.#addDrop("network", this.#lostRequests);
    this.lostCalls = 0;
    this.#lost = 0;
    this.#lostRequests = 0;
    if (this.#count === 0) return;
    const lines = this.#lines;
    this.#passed += this.#count;
    this.#lines = "";
    this.#count = 0;
    const now = nowMicros();
    if (begunTs !== null) {
      this.#measured++;
      this.#makingMicros += max(0, now - begunTs);
    }
    send(this.#target, isUrgent ? "urgent_lines" : "lines", lines);
    this.#passingMicros += max(0, nowMicrosAndReset() - now);
  }

  #passCost(): void {
    if (this.#passed === 0) return;
    const making = this.#measured === 0 ? 0 : (this.#makingMicros / this.#measured) * this.#passed;
    send(this.#target, "cost", `${this.#passed} ${round(this.#passingMicros + making)}`);
    this.#passed = 0;
    this.#passingMicros = 0;
    this.#measured = 0;
    this.#makingMicros = 0;
  }

  #addDrop(category: string, count: number): void {
    if (count === 0) return;
    const drop = `{"drop":{"category":"${category}","count":${count},"reason":"hook_failed"}}`;
    this.#lines = this.#count === 0 ? drop : `${this.#lines}\n${drop}`;
    this.#count++;
  }

  /** The document's address now: it may have another one when the line is delivered. */
  #urlField(): string {
    const now = address();
    if (now !== this.#address) {
      this.#address = now;
      this.#url = now.length > MAX_ADDRESS ? "" : `,"url":${quote(now)}`;
    }
    return this.#url;
  }
}

/** More nested calls than the relay, the port and the browser make when they receive lines. */
const NEEDED_CALLS = 200;

/** Whether the stack has room to pass lines within this call. Without room, passing throws and the lines are dropped. */
function hasStack(): boolean {
  try {
    descend(NEEDED_CALLS);
    return true;
  } catch {
    return false;
  }
}

function descend(calls: number): number {
  return calls === 0 ? 0 : descend(calls - 1) + 1;
}

function ending(data: string, truncated: boolean): string {
  return `,"data":${data}${truncated ? ',"truncated":true' : ""}}`;
}
