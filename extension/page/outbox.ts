/**
 * Lines on their way from the hook to the relay.
 *
 * A crossing costs more than a line, so a task's lines cross together, in a microtask at its end; at once when
 * there are many, when the first has waited long, or when it tells of an error: a page that hangs or dies right
 * after it should not take that with it.
 */

import { LINES } from "../channel.ts";
import { enqueueMicrotask, quote, resetClockIfAdrift, send } from "./natives.ts";

const MAX_LINES = 64;
const MAX_CHARACTERS = 128 * 1024;
const MAX_WAIT_MICROS = 5_000;

export class Outbox {
  readonly #target: EventTarget;
  #lines = "";
  #count = 0;
  #lost = 0;
  #firstTs = 0;
  readonly #flush = (): void => this.flush();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** `data` is JSON. */
  put(
    ts: number,
    type: string,
    category: string,
    sourceEvent: string,
    level: string,
    data: string,
    truncated: boolean,
    urgent: boolean,
  ): void {
    const line =
      `{"ts":${ts},"type":${quote(type)},"category":"${category}","source_event":${quote(sourceEvent)}` +
      `${level === "standard" ? "" : `,"detail_level":"${level}"`},"data":${data}${truncated ? ',"truncated":true' : ""}}`;
    if (this.#count === 0) {
      this.#firstTs = ts;
      this.#lines = line;
      enqueueMicrotask(this.#flush);
    } else {
      this.#lines += `\n${line}`;
    }
    this.#count++;
    const full = this.#count >= MAX_LINES || this.#lines.length >= MAX_CHARACTERS;
    if (urgent || full || ts - this.#firstTs > MAX_WAIT_MICROS) this.flush();
  }

  /** One event could not be made, most likely because the page's stack is full: the loss is told when it is not. */
  lose(): void {
    this.#lost++;
    try {
      enqueueMicrotask(this.#flush);
    } catch {
      // Told with the next event.
    }
  }

  flush(): void {
    if (this.#lost > 0) {
      const drop = `{"drop":{"category":"console","count":${this.#lost},"reason":"hook_failed"}}`;
      this.#lines = this.#count === 0 ? drop : `${this.#lines}\n${drop}`;
      this.#count++;
      this.#lost = 0;
    }
    if (this.#count === 0) return;
    const lines = this.#lines;
    this.#lines = "";
    this.#count = 0;
    send(this.#target, LINES, lines);
    resetClockIfAdrift();
  }
}
