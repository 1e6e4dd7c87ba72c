/** JSON within a budget of characters and of time: what is written counts, and a string that is too long is truncated. */
import type { Limits } from "./limits.ts";
import { cut, find, max, min, nowMillis, quote, tail } from "./natives.ts";

const CUT = '{"$":"cut"}';
/** Characters of an error's stack that are kept at least, if the budget has them: some twenty frames. */
const MIN_STACK = 4_000;
/** Characters of a stack's header that are kept when the stack is too long. */
const STACK_HEADER = 200;
const FIRST_FRAME = "\n    at ";

export class JsonBudget {
  /** True when anything was left out. */
  truncated = false;
  readonly limits: Limits;
  #left: number;
  #visited = 0;
  /** Set when the first values have been visited: most values have few, and the clock costs more than they do. */
  #deadline = 0;

  constructor(limits: Limits) {
    this.limits = limits;
    this.#left = limits.total;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** Counts one more value. Some values later, the time is checked. */
  visit(): void {
    if ((++this.#visited & 31) === 0) this.checkTime();
  }

  checkTime(): void {
    const now = nowMillis();
    if (this.#deadline === 0) this.#deadline = now + this.limits.millis;
    else if (now > this.#deadline) this.#left = 0;
  }

  /** Counts `text`, and a comma, against the budget; parts already counted are counted once by giving their own `cost`. */
  spend(text: string, cost = text.length): string {
    this.#left -= cost + 1;
    return text;
  }

  /** Returns an object whose `$` is `name`. The contents of `rest` have been counted, except the names in it. */
  tag(name: string, rest: string): string {
    return this.spend(`{"$":${quote(name)}${rest}}`, 24 + name.length);
  }

  string(value: string): string {
    const most = max(0, min(this.limits.string, this.#left));
    if (value.length <= most) return this.spend(quote(value));
    this.truncated = true;
    return this.spend(`{"$":"string","value":${quote(cut(value, most))},"length":${value.length}}`);
  }

  /** Shortens a stack by its header, which repeats the message, before its frames. Always a string. */
  stack(stack: string, message: string): string {
    const most = max(0, min(max(this.limits.string, MIN_STACK), this.#left));
    if (stack.length <= most) return this.spend(quote(stack));
    this.truncated = true;
    const frames = find(stack, FIRST_FRAME, min(message.length, stack.length));
    if (frames <= STACK_HEADER) return this.spend(quote(cut(stack, most)));
    return this.spend(quote(cut(`${cut(stack, STACK_HEADER)}…${tail(stack, frames)}`, most)));
  }

  /** Returns the mark of a value that is left out. */
  cut(): string {
    this.truncated = true;
    return CUT;
  }
}
