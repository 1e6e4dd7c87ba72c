/**
 * The interaction that what the page does now came from.
 *
 * The browser dispatches an event of a person to the page's listeners, and runs the microtasks of each listener before
 * the next one. During all of that, and at no other time, the event has a phase. So while the last event has one, the
 * page does what it does because of it. What a timer, a response or another task does later is not linked.
 * https://dom.spec.whatwg.org/#concept-event-dispatch, https://html.spec.whatwg.org/multipage/webappapis.html#clean-up-after-running-script
 *
 * The relay records the interaction and gives its name; of what it does not record there is no cause.
 */
import { getterOf, listen, read, unlisten } from "./natives.ts";

const eventPhase = getterOf(Event.prototype, "eventPhase");
const timeStamp = getterOf(Event.prototype, "timeStamp");
const type = getterOf(Event.prototype, "type");

/** The events that the relay records. */
const TYPES = ["click", "keydown", "change", "submit"];

/** An interaction, as the relay reports it. */
export interface Interaction {
  id: string;
  type: string;
  /** The event's `timeStamp`, the same in both worlds. */
  time: number;
  /** The `ts` of its record. The relay's clock may be ahead of the hook's; what came from it is not older. */
  ts: number;
}

export class Causes {
  #event: Event | null = null;
  #interaction: Interaction | null = null;

  /** Adding a listener that is there already changes nothing, so this can be called again at any time. */
  install(): void {
    for (let at = 0; at < TYPES.length; at++)
      listen(window, TYPES[at] as string, this.#onEvent, /* isCapture */ true);
  }

  remove(): void {
    for (let at = 0; at < TYPES.length; at++)
      unlisten(window, TYPES[at] as string, this.#onEvent, /* isCapture */ true);
    this.#event = null;
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

  readonly #onEvent = (event: Event): void => {
    // One that the page dispatches itself, perhaps within another, is no interaction.
    if (event.isTrusted) this.#event = event;
  };
}
