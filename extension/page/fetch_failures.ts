/**
 * Finds the call of `fetch` whose failure an error reports.
 *
 * Chromium makes the error of a failed request with the stack of the call. Only other calls from the same place have
 * that stack. So the error belongs to a call if no other one from there may have failed: an error that several calls
 * may have led to belongs to none.
 */
import type { Inspector } from "./inspect.ts";
import { apply, beginsWith, cut, find, isGenuineError, ownValue, tail } from "./natives.ts";

const { has, add } = Set.prototype;
const { get, set } = WeakMap.prototype;
const FAILED = "TypeError: Failed to fetch";
/** Fewer than V8 keeps of a stack: the error's has a line of the hook as well, which is left out of it. */
const MAX_FRAMES = 8;
/** Calls without a known response, and places whose calls are not all known. */
const MAX_CALLS = 64;
const MAX_PLACES = 256;
/** How many errors that are the `cause` of one another are looked at. */
const MAX_CAUSES = 4;

interface Pending {
  place: string;
  call: number;
  next: Pending | null;
}

export class FetchFailures {
  readonly #inspect: Inspector;
  /** Calls that may have failed, the newest first. */
  #pending: Pending | null = null;
  /** Places with calls that are not among them and may have failed. */
  readonly #unknown = new Set<string>();
  #unknowns = 0;
  /** By error, the call that was found. */
  readonly #found = new WeakMap<object, number>();
  #hasCalls = false;

  constructor(inspect: Inspector) {
    this.#inspect = inspect;
  }

  /** `fetch` is called; without a number if the call is not recorded. */
  begun(stack: string, call: number | null): void {
    const place = placeOf(stack);
    if (call === null) {
      this.#forget(place);
      return;
    }
    this.#hasCalls = true;
    this.#pending = { __proto__: null, place, call, next: this.#pending } as unknown as Pending;
    let at = this.#pending;
    for (let count = 1; at.next !== null && count < MAX_CALLS; count++) at = at.next;
    if (at.next === null) return;
    this.#forget(at.next.place);
    at.next = null;
  }

  /** The response to a call is known. */
  answered(call: number): void {
    let before: Pending | null = null;
    for (let at = this.#pending; at !== null; before = at, at = at.next) {
      if (at.call !== call) continue;
      if (before === null) this.#pending = at.next;
      else before.next = at.next;
      return;
    }
  }

  /** Returns the call whose failure one of these values reports, itself or as its `cause`; null if none does. */
  callOf(values: ArrayLike<unknown>): number | null {
    if (!this.#hasCalls) return null;
    for (let at = 0; at < values.length; at++) {
      let value = values[at];
      for (let step = 0; step < MAX_CAUSES && isGenuineError(value); step++) {
        const call = this.#callOf(value as object);
        if (call !== null) return call;
        value = ownValue(value as object, "cause");
      }
    }
    return null;
  }

  #callOf(error: object): number | null {
    const known = apply(get, this.#found, [error]) as number | undefined;
    if (known !== undefined) return known;
    const stack = this.#inspect.errorStack(error);
    const end = find(stack, "\n");
    // Without a frame of ours it was made by a call before the hook.
    if (end < 0 || !beginsWith(stack, FAILED) || !this.#inspect.hasOurFrames(error)) return null;
    const place = placeOf(tail(stack, end + 1));
    if (place === "" || this.#unknowns > MAX_PLACES || apply(has, this.#unknown, [place])) return null;
    let call: number | null = null;
    for (let at = this.#pending; at !== null; at = at.next) {
      if (at.place !== place) continue;
      if (call !== null) return null;
      call = at.call;
    }
    if (call === null) return null;
    this.answered(call);
    apply(set, this.#found, [error, call]);
    return call;
  }

  #forget(place: string): void {
    if (this.#unknowns > MAX_PLACES || apply(has, this.#unknown, [place])) return;
    apply(add, this.#unknown, [place]);
    this.#unknowns++;
  }
}

/** The top of a stack. */
function placeOf(stack: string): string {
  let end = -1;
  for (let frames = 0; frames < MAX_FRAMES; frames++) {
    end = find(stack, "\n", end + 1);
    if (end < 0) return stack;
  }
  return cut(stack, end);
}
