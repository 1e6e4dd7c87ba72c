/** Observes `navigator.sendBeacon`: the call. What it sends, webRequest reports. */
import { isNative } from "./fetch.ts";
import type { Callable, Mask, StandIn } from "./mask.ts";
import { apply, ownValue } from "./natives.ts";
import { resolved } from "./page_url.ts";
import type { Call, RequestEvents } from "./request_events.ts";

const NavigatorPrototype = Navigator.prototype;

export class BeaconHook {
  readonly #events: RequestEvents;

  constructor(events: RequestEvents) {
    this.#events = events;
  }

  /** Puts the wrapper in place; null where the page has its own already, which stays as it is. */
  install(mask: Mask): (() => void) | null {
    if (!isNative(ownValue(NavigatorPrototype, "sendBeacon"), "sendBeacon")) return null;
    return mask.replace(NavigatorPrototype, "sendBeacon", this.#standIn());
  }

  #standIn(): StandIn {
    const standIn: StandIn = (native, self, args) => {
      const call = this.#begin(args, standIn);
      const isQueued = apply(native, self, args as never);
      if (call !== null && isQueued === true) this.#events.called(call);
      return isQueued;
    };
    return standIn;
  }

  #begin(args: ArrayLike<unknown>, above: Callable): Call | null {
    if (!this.#events.isOn || args.length === 0) return null;
    try {
      const url = resolved(args[0]);
      if (url === null) return null;
      const begun = this.#events.begin(above);
      if (begun === null) return null;
      return { ...begun, api: "beacon", number: this.#events.nextNumber(), url, method: "POST", body: null };
    } catch {
      this.#events.lose();
      return null;
    }
  }
}
