/** The observation of `fetch` and `XMLHttpRequest`: in place while requests are recorded, and only then. */
import type { HookConfig } from "../channel.ts";
import { BodyReader } from "./body.ts";
import { FetchHook } from "./fetch.ts";
import type { Inspector } from "./inspect.ts";
import type { Mask } from "./mask.ts";
import type { Outbox } from "./outbox.ts";
import type { Proxies } from "./proxies.ts";
import { RequestEvents } from "./request_events.ts";
import { XhrHook } from "./xhr.ts";

export class RequestHook {
  readonly #events: RequestEvents;
  readonly #reader = new BodyReader();
  readonly #fetch: FetchHook;
  readonly #xhr: XhrHook;
  readonly #mask: Mask;
  readonly #onLimited: () => void;
  #undo: (() => void) | null = null;

  /** `onLimited` is called if the page was first to replace one of the two. */
  constructor(
    { inspect, proxies, mask, outbox }: { inspect: Inspector; proxies: Proxies; mask: Mask; outbox: Outbox },
    config: HookConfig,
    onLimited: () => void,
  ) {
    this.#events = new RequestEvents(outbox, config);
    this.#fetch = new FetchHook(this.#events, proxies, this.#reader);
    this.#xhr = new XhrHook(this.#events, inspect);
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

  #install(): () => void {
    const undoFetch = this.#fetch.install(this.#mask);
    const undoXhr = this.#xhr.install(this.#mask);
    if (undoFetch === null || undoXhr === null) this.#onLimited();
    return () => {
      undoFetch?.();
      undoXhr?.();
    };
  }
}
