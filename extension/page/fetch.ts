/**
 * Observes `fetch` without touching the promise that it returns.
 *
 * A handler on that promise would mark it as handled, and an uncaught failure of the page would no longer be reported;
 * a derived promise in its place would settle later. So a call is recorded when it is made, and its response when the
 * page first looks at it: at its status or its body. The clone is made at that moment, before the page can read the body.
 * A response that the page never looks at is recorded by webRequest only.
 */
import { type BodyReader, isJson, isStream, isText, type Text } from "./body.ts";
import type { FetchFailures } from "./fetch_failures.ts";
import { both, type Callable, type Mask, type StandIn, type Undo } from "./mask.ts";
import { apply, getPrototypeOf, getterOf, hasOwn, nowMicros, ownValue, read, stackAbove } from "./natives.ts";
import { resolved } from "./page_url.ts";
import type { Proxies } from "./proxies.ts";
import { type Call, FAILED_BYTES, type RequestEvents, withoutFragment } from "./request_events.ts";

const nativeToString = Function.prototype.toString;
const { toUpperCase } = String.prototype;
const { get: headerOf } = Headers.prototype;
const { toString: searchParamsText } = URLSearchParams.prototype;
const { has, get, set } = WeakMap.prototype;
const ObjectPrototype = Object.prototype;
const ResponsePrototype = Response.prototype;
const request = {
  url: getterOf(Request.prototype, "url"),
  method: getterOf(Request.prototype, "method"),
  signal: getterOf(Request.prototype, "signal"),
};
const response = {
  url: getterOf(ResponsePrototype, "url"),
  status: getterOf(ResponsePrototype, "status"),
  redirected: getterOf(ResponsePrototype, "redirected"),
  headers: getterOf(ResponsePrototype, "headers"),
};
const aborted = getterOf(AbortSignal.prototype, "aborted");

/** The ways in which a page looks at a response. */
const GETTERS = ["ok", "status", "statusText", "body"];
const METHODS = ["text", "json", "arrayBuffer", "blob", "bytes", "formData", "clone"];
/** The methods that `fetch` writes in upper case. It has no prototype, because a page may add to Object.prototype. */
const UPPER_CASE = { __proto__: null, GET: 1, POST: 1, PUT: 1, DELETE: 1, HEAD: 1, OPTIONS: 1 };
/** Calls without a known response; beyond so many the oldest is forgotten. */
const MAX_OUTSTANDING = 64;

interface Outstanding {
  call: Call;
  next: Outstanding | null;
}

export class FetchHook {
  readonly #events: RequestEvents;
  readonly #proxies: Proxies;
  readonly #reader: BodyReader;
  readonly #failures: FetchFailures;
  /** Responses that were looked at, and clones that the page has made of them, each with its call if that is known. */
  readonly #seen = new WeakMap<object, Call | null>();
  /** The newest first. */
  #outstanding: Outstanding | null = null;
  #inside = false;

  constructor(events: RequestEvents, proxies: Proxies, reader: BodyReader, failures: FetchFailures) {
    this.#events = events;
    this.#proxies = proxies;
    this.#reader = reader;
    this.#failures = failures;
  }

  /** Puts the wrappers in place; null where the page has its own `fetch` already, which stays as it is. */
  install(mask: Mask): Undo | null {
    if (!isNative(ownValue(globalThis, "fetch"), "fetch")) return null;
    let undoAll = mask.replace(globalThis, "fetch", this.#fetchStandIn());
    if (undoAll === null) return null;
    for (let at = 0; at < GETTERS.length; at++)
      undoAll = both(undoAll, mask.replaceGetter(ResponsePrototype, GETTERS[at] as string, this.#look()));
    for (let at = 0; at < METHODS.length; at++) {
      const name = METHODS[at] as string;
      const standIn = name === "json" ? this.#json() : this.#look(name === "clone");
      undoAll = both(undoAll, mask.replace(ResponsePrototype, name, standIn));
    }
    return undoAll;
  }

  #fetchStandIn(): StandIn {
    const standIn: StandIn = (native, self, args) => {
      const call = this.#begin(args, standIn);
      const promise = apply(native, self, args as never);
      // After the request has left: its record and this one go different ways to the worker.
      if (call !== null) this.#sent(call);
      return promise;
    };
    return standIn;
  }

  /** Returns the stand-in for a member of `Response.prototype`. */
  #look(isClone = false): StandIn {
    return (native, self, args) => {
      this.#lookAt(self);
      const result = apply(native, self, args as never);
      if (isClone) this.#cloned(self, result);
      return result;
    };
  }

  #json(): StandIn {
    return (native, self, args) => {
      this.#lookAt(self);
      this.#lookForJson(self);
      return apply(native, self, args as never);
    };
  }

  #begin(args: ArrayLike<unknown>, above: Callable): Call | null {
    if (this.#inside || !this.#events.isOn || args.length === 0) return null;
    this.#inside = true;
    try {
      const input = args[0];
      const init = args.length > 1 ? args[1] : undefined;
      const ofRequest = typeof input === "object" && input !== null ? read(request.url, input) : undefined;
      const isRequest = typeof ofRequest === "string";
      const signal = this.#member(init, "signal") ?? (isRequest ? read(request.signal, input) : undefined);
      // Then nothing is sent.
      if (typeof signal === "object" && read(aborted, signal) === true) return null;
      const url = resolved(isRequest ? ofRequest : input);
      const stack = stackAbove(above);
      // Nothing goes to the network.
      if (url === null) {
        this.#failures.begun(stack, null);
        return null;
      }
      return {
        api: "fetch",
        number: this.#events.nextNumber(),
        ts: nowMicros(),
        url,
        method: this.#methodOf(init, isRequest ? (read(request.method, input) as string) : "GET"),
        stack,
        cause: this.#events.cause(),
        body: this.#events.keepsDetails ? textOf(this.#member(init, "body")) : null,
      };
    } catch {
      this.#events.lose();
      return null;
    } finally {
      this.#inside = false;
    }
  }

  /** The method that `init` asks for; empty where it is not a plain property of a plain object. */
  #methodOf(init: unknown, otherwise: string): string {
    if (init === undefined || init === null) return otherwise;
    const method = this.#member(init, "method");
    if (typeof method === "string") return normalized(method);
    return method === undefined && this.#isPlain(init) && !hasOwn(init as object, "method") ? otherwise : "";
  }

  #member(init: unknown, name: string): unknown {
    return this.#isPlain(init) ? ownValue(init as object, name) : undefined;
  }

  /** Whether reading the own properties of `init` is the same as what `fetch` reads, and runs no code of the page. */
  #isPlain(init: unknown): boolean {
    if (typeof init !== "object" || init === null) return false;
    if (!this.#proxies.complete || this.#proxies.isProxy(init)) return false;
    const prototype = getPrototypeOf(init);
    return prototype === null || (prototype === ObjectPrototype && !hasOwn(ObjectPrototype, "method"));
  }

  #sent(call: Call): void {
    this.#inside = true;
    try {
      this.#events.call(call);
      this.#failures.begun(call.stack, call.number);
      this.#outstanding = { __proto__: null, call, next: this.#outstanding } as unknown as Outstanding;
      let at: Outstanding | null = this.#outstanding;
      for (let count = 1; at !== null && count < MAX_OUTSTANDING; count++) at = at.next;
      if (at !== null) at.next = null;
    } catch {
      this.#events.lose();
    } finally {
      this.#inside = false;
    }
  }

  #cloned(original: unknown, copy: unknown): void {
    if (typeof copy !== "object" || copy === null) return;
    apply(set, this.#seen, [copy, apply(get, this.#seen, [original as object]) ?? null] as never);
  }

  #lookAt(object: unknown): void {
    if (this.#outstanding === null || this.#inside) return;
    this.#inside = true;
    try {
      this.#answered(object);
    } catch {
      // The page has read it already, or reads it elsewhere: then there is no body to be had.
    } finally {
      this.#inside = false;
    }
  }

  #answered(object: unknown): void {
    const status = read(response.status, object);
    if (typeof status !== "number" || apply(has, this.#seen, [object as object])) return;
    apply(set, this.#seen, [object as object, null] as never);
    const url = withoutFragment(read(response.url, object) as string);
    // One that the page has made itself has no address.
    if (url === "") return;
    const isRedirected = read(response.redirected, object) === true;
    const call = isRedirected ? null : this.#callTo(url);
    if (call === undefined) return;
    if (call !== null) {
      apply(set, this.#seen, [object as object, call] as never);
      this.#events.looked(call.number);
      this.#failures.answered(call.number);
    }
    if (!this.#events.readsBody(status)) return;
    const header = headersOf(object);
    const contentType = header("content-type");
    if (!isText(contentType) || isStream(contentType)) return;
    const maxBytes = this.#events.bodyBytes(status, contentType, header("content-length"));
    if (maxBytes === 0) return;
    const answer = { api: "fetch", call, url, status, contentType } as const;
    this.#readBody(object as object, maxBytes, (text) => this.#events.body(answer, text));
  }

  /**
   * The page takes a response for JSON that says it is something else. Chromium reports no rejection of `json()` that
   * the page does not handle, so what the body is has to be seen here.
   */
  #lookForJson(object: unknown): void {
    if (this.#inside || !this.#events.isOn) return;
    this.#inside = true;
    try {
      const call = apply(get, this.#seen, [object as object]) as Call | null | undefined;
      const status = read(response.status, object) as number;
      const url = call === undefined ? "" : withoutFragment(read(response.url, object) as string);
      // The body of a failure is recorded in any case.
      if (call === undefined || url === "" || status >= 400) return;
      const contentType = headersOf(object)("content-type");
      if (isJson(contentType) || !isText(contentType) || isStream(contentType)) return;
      const answer = { api: "fetch", call, url, status, contentType } as const;
      this.#readBody(object as object, FAILED_BYTES, (text) => this.#events.takenForJson(answer, text));
    } catch {
      // The page has read it already.
    } finally {
      this.#inside = false;
    }
  }

  #readBody(object: object, maxBytes: number, onText: (text: Text) => void): void {
    const onRead = (text: Text): void => {
      try {
        onText(text);
      } catch {
        this.#events.lose();
      }
    };
    const measure = (step: () => void): void => this.#events.read(step);
    measure(() => void this.#reader.start(object, maxBytes, measure, onRead));
  }

  /** The one call to this address that has no response yet: null if there are several, undefined without one. */
  #callTo(url: string): Call | null | undefined {
    let found: Call | null | undefined;
    let before: Outstanding | null = null;
    let oldestBefore: Outstanding | null = null;
    let oldest: Outstanding | null = null;
    for (let at = this.#outstanding; at !== null; before = at, at = at.next) {
      if (at.call.url !== url) continue;
      found = found === undefined ? at.call : null;
      oldest = at;
      oldestBefore = before;
    }
    if (oldest === null) return undefined;
    if (oldestBefore === null) this.#outstanding = oldest.next;
    else oldestBefore.next = oldest.next;
    return found;
  }
}

/** Returns what reads a header of a response; an absent one is empty. */
function headersOf(object: unknown): (name: string) => string {
  const headers = read(response.headers, object) as Headers;
  return (name) => (apply(headerOf, headers, [name]) as string | null) ?? "";
}

/** Returns the text of a request's body; null for other bodies. */
export function textOf(body: unknown): string | null {
  if (typeof body === "string") return body;
  // Another object has no such text: the native function throws, and runs nothing of the page.
  const text = typeof body === "object" && body !== null ? read(searchParamsText, body) : undefined;
  return typeof text === "string" ? text : null;
}

/** Whether the page has left the built-in of this name alone. */
export function isNative(value: unknown, name: string): value is Callable {
  if (typeof value !== "function") return false;
  return apply(nativeToString, value, []) === `function ${name}() { [native code] }`;
}

/** Returns the name that `fetch` and `XMLHttpRequest` send for a method. */
export function normalized(method: string): string {
  const upper = apply(toUpperCase, method, []);
  return upper in UPPER_CASE ? upper : method;
}
