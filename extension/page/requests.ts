/** The observation of the ways in which a page makes requests: in place while requests are recorded, and only then. */
import type { HookConfig } from "../protocol.ts";
import { BeaconHook } from "./beacon.ts";
import { BodyReader } from "./body.ts";
import type { Causes } from "./causes.ts";
import { EventSourceHook } from "./event_source.ts";
import { FetchHook } from "./fetch.ts";
import type { FetchFailures } from "./fetch_failures.ts";
import type { Inspector } from "./inspect.ts";
import { both, type Mask, type Undo } from "./mask.ts";
import type { Outbox } from "./outbox.ts";
import type { Proxies } from "./proxies.ts";
import { RequestEvents } from "./request_events.ts";
import { SocketHook } from "./sockets.ts";
import { XhrHook } from "./xhr.ts";

export interface RequestHookParts {
  inspect: Inspector;
  proxies: Proxies;
  mask: Mask;
  outbox: Outbox;
  causes: Causes;
  failures: FetchFailures;
}

interface Hook {
  install(mask: Mask): Undo | null;
}

export class RequestHook {
  readonly #events: RequestEvents;
  readonly #reader = new BodyReader();
  readonly #hooks: Hook[];
  readonly #mask: Mask;
  readonly #onLimited: () => void;
  #undo: Undo | null = null;

  /** `onLimited` is called if the page was first to replace one of them. */
  constructor(
    { inspect, proxies, mask, outbox, causes, failures }: RequestHookParts,
    config: HookConfig,
    onLimited: () => void,
  ) {
    this.#events = new RequestEvents(outbox, causes, config);
    this.#hooks = [
      new FetchHook(this.#events, proxies, this.#reader, failures),
      new XhrHook(this.#events, inspect),
      new SocketHook(this.#events),
      new EventSourceHook(this.#events),
      new BeaconHook(this.#events),
    ];
    this.#mask = mask;
    this.#onLimited = onLimited;
    this.configure(config);
  }

  configure(config: HookConfig): void {
    this.#events.configure(config);
    if (!this.#events.isOn) this.remove();
    else this.#undo ??= this.#install();
  }

  /** The document is being left: hands over the beginnings of bodies that have been read. */
  finish(): void {
    this.#reader.finish();
  }

  /** Gives the page its own functions back, where it has not replaced them since. */
  remove(): void {
    this.#undo?.();
    this.#undo = null;
  }

  #install(): Undo {
    let undoAll: Undo | null = null;
    let isLimited = false;
    // By index: the page owns `Symbol.iterator`.
    for (let at = 0; at < this.#hooks.length; at++) {
      const undo: Undo | null = (this.#hooks[at] as Hook).install(this.#mask);
      isLimited ||= undo === null;
      undoAll = both(undoAll, undo);
    }
    if (isLimited) this.#onLimited();
    return undoAll ?? (() => {});
  }
}
