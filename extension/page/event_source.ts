/**
 * Observes `EventSource`: the call that made one, and its messages at `verbose`.
 *
 * Messages of the type `message` only: an event with a name of its own reaches only who listens for that name. How the
 * stream begins and ends is webRequest's to report.
 */
import { isNative } from "./fetch.ts";
import type { Mask } from "./mask.ts";
import { apply, getterOf, listen, ownValue, quote, read } from "./natives.ts";
import { type Begun, type RequestEvents, withoutFragment } from "./request_events.ts";

const { get, set } = WeakMap.prototype;
const url = getterOf(EventSource.prototype, "url");
const messageData = getterOf(MessageEvent.prototype, "data");
const lastEventId = getterOf(MessageEvent.prototype, "lastEventId");
const currentTarget = getterOf(Event.prototype, "currentTarget");

export class EventSourceHook {
  readonly #events: RequestEvents;
  readonly #numbers = new WeakMap<object, number>();

  constructor(events: RequestEvents) {
    this.#events = events;
  }

  /** Puts the wrapper in place; null where the page has its own already, which stays as it is. */
  install(mask: Mask): (() => void) | null {
    if (!isNative(ownValue(globalThis, "EventSource"), "EventSource")) return null;
    return mask.replaceConstructor(
      globalThis,
      "EventSource",
      (above) => this.#events.begin(above),
      (object, begun) => this.#made(object, begun),
    );
  }

  #made(object: object, begun: Begun | null): void {
    if (begun === null) return;
    try {
      const number = this.#events.nextNumber();
      apply(set, this.#numbers, [object, number]);
      const address = withoutFragment(read(url, object) as string);
      this.#events.call({ ...begun, api: "eventsource", number, url: address, method: "GET", body: null });
      listen(object as EventTarget, "message", this.#onMessage);
    } catch {
      this.#events.lose();
    }
  }

  readonly #onMessage = (event: MessageEvent): void => {
    if (!event.isTrusted || !this.#events.isOn) return;
    try {
      const number = apply(get, this.#numbers, [read(currentTarget, event) as object]);
      if (typeof number !== "number") return;
      this.#events.dispatched(number, event);
      const data = read(messageData, event);
      if (!this.#events.hasMessages || typeof data !== "string") return;
      const id = read(lastEventId, event) as string;
      const fields = `,"event":"message"${id === "" ? "" : `,"id":${quote(id)}`},"length":${data.length}`;
      this.#events.message("eventsource_message", "eventsource", number, fields, data);
    } catch {
      this.#events.lose();
    }
  };
}
