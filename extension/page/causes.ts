/**
 * Finds the interaction, or the response, that caused what the page does now.
 *
 * The browser dispatches an event of a person to the page's listeners, and runs the microtasks of each listener before
 * the next one. During all of that, and at no other time, the event has a phase. So while the last event has one, the
 * page does what it does because of it. What a timer, a response or another task does later is not linked.
 * https://dom.spec.whatwg.org/#concept-event-dispatch, https://html.spec.whatwg.org/multipage/webappapis.html#clean-up-after-running-script
 *
 * The relay records the interaction and gives its name; of what it does not record there is no cause.
 *
 * The events of an XMLHttpRequest, a WebSocket and an EventSource have a phase likewise. The promise of a `fetch` has
 * none. The browser resolves it in a task of its own, so the microtasks that follow the page's first look at the
 * response came from it; those of a few turns are linked. A `fetch` that fails is known by its error.
 */
import type { FetchFailures } from "./fetch_failures.ts";
import { enqueueMicrotask, getterOf, listen, read, unlisten } from "./natives.ts";

const eventPhase = getterOf(Event.prototype, "eventPhase");
const timeStamp = getterOf(Event.prototype, "timeStamp");
const type = getterOf(Event.prototype, "type");

/** The events that the relay records. */
const TYPES = ["click", "keydown", "change", "submit"];

/** Each `await` and each function that is awaited takes one to three. */
const TURNS = 12;

export interface Cause {
  /** Its name, or `call:NUMBER` of a call whose request the worker finds. */
  id: string;
  /** Zero if it is older than what came from it in any case. */
  ts: number;
}

/** An interaction, as the relay reports it. */
export interface Interaction extends Cause {
  type: string;
  /** The event's `timeStamp`, the same in both worlds. */
  time: number;
  /** The `ts` of its record. The relay's clock may be ahead of the hook's; what came from it is not older. */
  ts: number;
}

export class Causes {
  #event: Event | null = null;
  #interaction: Interaction | null = null;
  /** The response that the page has had last. */
  #response: Cause | null = null;
  /** The event by which it has it. */
  #responseEvent: Event | null = null;
  #turns = 0;
  readonly #failures: FetchFailures;

  constructor(failures: FetchFailures) {
    this.#failures = failures;
  }

  /** Adding a listener that is there already changes nothing, so this can be called again at any time. */
  install(): void {
    for (let at = 0; at < TYPES.length; at++)
      listen(window, TYPES[at] as string, this.#onEvent, /* isCapture */ true);
  }

  remove(): void {
    for (let at = 0; at < TYPES.length; at++)
      unlisten(window, TYPES[at] as string, this.#onEvent, /* isCapture */ true);
    this.#event = null;
    this.#response = null;
  }

  report(interaction: Interaction): void {
    this.#interaction = interaction;
  }

  /** Returns the interaction that the page reacts to now. */
  current(): Interaction | null {
    if (this.#event === null) return null;
    if (read(eventPhase, this.#event) === 0) {
      this.#event = null;
      return null;
    }
    const interaction = this.#interaction;
    if (interaction === null) return null;
    const isSame =
      read(timeStamp, this.#event) === interaction.time && read(type, this.#event) === interaction.type;
    return isSame ? interaction : null;
  }

  /** Returns what a line or an error of the page with these values came from: an interaction, else a request. */
  ofLine(values: ArrayLike<unknown>): Cause | null {
    const interaction = this.current();
    if (interaction !== null) return interaction;
    const failed = this.#failures.callOf(values);
    if (failed !== null) return ofCall(failed);
    if (this.#response === null) return null;
    const event = this.#responseEvent;
    const isOver = event === null ? this.#turns === 0 : read(eventPhase, event) === 0;
    if (isOver) this.#response = null;
    return this.#response;
  }

  /** The browser dispatches an event of the response to this call. */
  dispatched(call: number, event: Event): void {
    this.#response = ofCall(call);
    this.#responseEvent = event;
  }

  /** The page looks at the response to this call for the first time. */
  looked(call: number): void {
    this.#response = ofCall(call);
    this.#responseEvent = null;
    if (this.#turns === 0) enqueueMicrotask(this.#onTurn);
    this.#turns = TURNS;
  }

  readonly #onTurn = (): void => {
    this.#turns--;
    if (this.#turns > 0) enqueueMicrotask(this.#onTurn);
  };

  readonly #onEvent = (event: Event): void => {
    // One that the page dispatches itself, perhaps within another, is no interaction.
    if (event.isTrusted) this.#event = event;
  };
}

function ofCall(call: number): Cause {
  return { __proto__: null, id: `call:${call}`, ts: 0 } as Cause;
}
