/**
 * Observes `XMLHttpRequest` by its prototype's `open` and `send`, and by a listener that only looks.
 *
 * The response is read in the form that the page asked for, which the browser keeps and gives the page again.
 */
import { isText, limited, type Text } from "./body.ts";
import { isNative, normalized, textOf } from "./fetch.ts";
import type { Inspector } from "./inspect.ts";
import { both, type Callable, type Mask, type StandIn, type Undo } from "./mask.ts";
import { apply, getterOf, listen, max, min, nowMicros, ownValue, read, stackAbove } from "./natives.ts";
import { resolved } from "./page_url.ts";
import { Preview } from "./preview.ts";
import { type Answer, type Call, type RequestEvents, withoutFragment } from "./request_events.ts";

const XhrPrototype = XMLHttpRequest.prototype;
const { get, set } = WeakMap.prototype;
const { getResponseHeader } = XhrPrototype;
const DONE = 4;
const xhr = {
  readyState: getterOf(XhrPrototype, "readyState"),
  status: getterOf(XhrPrototype, "status"),
  responseType: getterOf(XhrPrototype, "responseType"),
  response: getterOf(XhrPrototype, "response"),
  responseText: getterOf(XhrPrototype, "responseText"),
  responseURL: getterOf(XhrPrototype, "responseURL"),
};
const currentTarget = getterOf(Event.prototype, "currentTarget");
const byteLength = getterOf(ArrayBuffer.prototype, "byteLength");
const NativeBytes = Uint8Array;
const NativeDecoder = TextDecoder;
const { decode } = TextDecoder.prototype;

/** A request that was opened; `call` once it was sent. */
interface Opened {
  method: string;
  /** Null for addresses like `data:`, from which nothing is sent. */
  url: string | null;
  isSync: boolean;
  call: Call | null;
  /** The number of the call, also after its response. */
  number: number | null;
}

/** The events that tell a page how its request ended. */
const ENDS = ["readystatechange", "load", "error", "timeout", "abort", "loadend"];

export class XhrHook {
  readonly #events: RequestEvents;
  readonly #inspect: Inspector;
  readonly #opened = new WeakMap<object, Opened>();
  #inside = false;

  constructor(events: RequestEvents, inspect: Inspector) {
    this.#events = events;
    this.#inspect = inspect;
  }

  /** Puts the wrappers in place; null where the page has its own methods already, which stay as they are. */
  install(mask: Mask): Undo | null {
    if (
      !isNative(ownValue(XhrPrototype, "open"), "open") ||
      !isNative(ownValue(XhrPrototype, "send"), "send")
    )
      return null;
    const undoOpen = mask.replace(XhrPrototype, "open", this.#openStandIn());
    return both(undoOpen, mask.replace(XhrPrototype, "send", this.#sendStandIn()));
  }

  #openStandIn(): StandIn {
    return (native, self, args) => {
      const result = apply(native, self, args as never);
      this.#open(self, args);
      return result;
    };
  }

  #sendStandIn(): StandIn {
    const standIn: StandIn = (native, self, args) => {
      const call = this.#begin(self, args.length > 0 ? args[0] : null, standIn);
      const result = apply(native, self, args as never);
      if (call !== null) this.#events.called(call);
      return result;
    };
    return standIn;
  }

  #open(object: unknown, args: ArrayLike<unknown>): void {
    if (this.#inside || !this.#events.isOn) return;
    this.#inside = true;
    try {
      const opened = {
        __proto__: null,
        method: args.length > 0 && typeof args[0] === "string" ? normalized(args[0]) : "",
        url: args.length > 1 ? resolved(args[1]) : null,
        isSync: args.length > 2 && args[2] === false,
        call: null,
        number: null,
      } as unknown as Opened;
      apply(set, this.#opened, [object as object, opened]);
      for (let at = 0; at < ENDS.length; at++) listen(object as EventTarget, ENDS[at] as string, this.#onEnd);
      listen(object as EventTarget, "load", this.#onLoad);
    } catch {
      this.#events.lose();
    } finally {
      this.#inside = false;
    }
  }

  #begin(object: unknown, body: unknown, above: Callable): Call | null {
    if (this.#inside || !this.#events.isOn) return null;
    this.#inside = true;
    try {
      const opened = apply(get, this.#opened, [object as object]) as Opened | undefined;
      if (opened === undefined || opened.url === null) return null;
      const call: Call = {
        api: "xhr",
        number: this.#events.nextNumber(),
        ts: nowMicros(),
        url: opened.url,
        method: opened.method,
        stack: stackAbove(above),
        cause: this.#events.cause(),
        body: this.#events.keepsDetails ? textOf(body) : null,
      };
      opened.call = call;
      opened.number = call.number;
      if (!opened.isSync) return call;
      // It returns with its response: the call comes first.
      this.#events.call(call);
      return null;
    } catch {
      this.#events.lose();
      return null;
    } finally {
      this.#inside = false;
    }
  }

  readonly #onEnd = (event: Event): void => {
    if (!event.isTrusted || !this.#events.isOn) return;
    try {
      const object = read(currentTarget, event) as object;
      const opened = apply(get, this.#opened, [object]) as Opened | undefined;
      if (typeof opened?.number === "number" && read(xhr.readyState, object) === DONE)
        this.#events.dispatched(opened.number, event);
    } catch {
      // Lines that come from this response then have no link.
    }
  };

  readonly #onLoad = (event: Event): void => {
    if (!event.isTrusted || this.#inside || !this.#events.isOn) return;
    this.#inside = true;
    try {
      const object = read(currentTarget, event) as object;
      const opened = apply(get, this.#opened, [object]) as Opened | undefined;
      const status = read(xhr.status, object);
      if (!opened?.call || typeof status !== "number") return;
      const { call } = opened;
      opened.call = null;
      if (!this.#events.readsBody(status)) return;
      const header = (name: string): string =>
        (apply(getResponseHeader, object as XMLHttpRequest, [name]) as string | null) ?? "";
      const contentType = header("content-type");
      if (!isText(contentType)) return;
      const maxBytes = this.#events.bodyBytes(status, contentType, header("content-length"));
      if (maxBytes === 0) return;
      this.#events.read(() => {
        const text = this.#textOf(object, maxBytes);
        if (text === null) return;
        const url = withoutFragment((read(xhr.responseURL, object) as string) || call.url);
        const answer: Answer = { api: "xhr", call, url, status, contentType };
        this.#events.body(answer, text);
      });
    } catch {
      this.#events.lose();
    } finally {
      this.#inside = false;
    }
  };

  /** The text of the response; null for forms that have no text: a blob, a document. */
  #textOf(object: object, maxBytes: number): Text | null {
    switch (read(xhr.responseType, object)) {
      case "":
      case "text": {
        const text = read(xhr.responseText, object);
        return typeof text === "string" ? limited(text, maxBytes, null) : null;
      }
      case "json": {
        // A new object, unless the page has looked at it first: no code of the page runs in either case.
        const limits = { depth: 12, width: 1_000, string: maxBytes, total: maxBytes, millis: 16 };
        const preview = new Preview(this.#inspect, limits);
        const json = preview.json(read(xhr.response, object));
        this.#inspect.forget();
        return limited(json, maxBytes, preview.truncated ? "size" : null);
      }
      case "arraybuffer": {
        const buffer = read(xhr.response, object) as ArrayBuffer | null;
        const length = read(byteLength, buffer);
        if (typeof length !== "number") return null;
        const bytes = new NativeBytes(buffer as ArrayBuffer, 0, min(length, max(maxBytes, 1)));
        const text = apply(decode, new NativeDecoder(), [bytes]) as string;
        return limited(text, maxBytes, length > maxBytes ? "size" : null);
      }
      default:
        return null;
    }
  }
}
