/**
 * `network.call`, `network.response_body` and the messages of sockets: the page's own records of the requests that
 * webRequest records.
 *
 * Each call of a document has a number. The worker adds the request's id, if it finds the one request that the call
 * led to; see `worker/producers/page_requests.ts`.
 */

import type { HookConfig } from "../protocol.ts";
import { isEndless, type Stopped, type Text } from "./body.ts";
import { fits, shrink } from "./budget.ts";
import type { Causes, Interaction } from "./causes.ts";
import { DetailBudget } from "./detail_budget.ts";
import {
  cut,
  cutToBytes,
  find,
  min,
  nowMicros,
  ownValue,
  parse,
  quote,
  stackAbove,
  utf8Length,
} from "./natives.ts";
import type { Detail, Outbox } from "./outbox.ts";

/** Characters; the worker compares as many. */
const MAX_URL = 2_048;
const MAX_STACK = 8_192;
const MAX_METHOD = 32;
const MAX_TYPE = 256;
const MAX_ERROR = 256;
/** So much is recorded of a body that shows why something failed. */
export const FAILED_BYTES = 16 << 10;
const VERBOSE_BYTES = 64 << 10;

export type Api = "fetch" | "xhr" | "beacon" | "websocket" | "eventsource";

export interface Call {
  api: Api;
  number: number;
  ts: number;
  /** The absolute address without its fragment; empty where reading it would run code of the page. */
  url: string;
  /** Empty where reading it would run code of the page. */
  method: string;
  stack: string;
  /** The interaction that it came from. */
  cause: Interaction | null;
  /** The body, if that is text and details are kept. */
  body: string | null;
}

export interface Begun {
  ts: number;
  stack: string;
  cause: Interaction | null;
}

/** The fields of a response. */
export interface Answer {
  api: Api;
  /** The call that it answers, if that is certain. */
  call: Call | null;
  url: string;
  status: number;
  contentType: string;
}

export class RequestEvents {
  readonly #outbox: Outbox;
  readonly #causes: Causes;
  readonly #bodyBudget = new DetailBudget();
  #config: HookConfig;
  #calls = 0;

  constructor(outbox: Outbox, causes: Causes, config: HookConfig) {
    this.#outbox = outbox;
    this.#causes = causes;
    this.#config = config;
  }

  configure(config: HookConfig): void {
    this.#config = config;
  }

  /** Whether calls are recorded at all. */
  get isOn(): boolean {
    return this.#config.requests !== "off" && this.#config.requests !== "minimal";
  }

  /** Whether a body is read of a response with this status, for all that its headers say. */
  readsBody(status: number): boolean {
    if (!this.isOn || status < 200) return false;
    return status >= 400 || this.#config.requests !== "standard" || this.keepsDetails;
  }

  /**
   * Returns how many bytes are read of a body. One that serves for its detail only, which may never be asked for, is
   * left alone if it is long, if it is a stream, or if this second's time is spent.
   */
  bodyBytes(status: number, contentType: string, contentLength: string): number {
    if (this.#config.requests !== "standard") return VERBOSE_BYTES;
    if (status >= 400) return this.keepsDetails ? VERBOSE_BYTES : FAILED_BYTES;
    if (contentLength !== "" && +contentLength > VERBOSE_BYTES) return 0;
    return isEndless(contentType) || this.#bodyBudget.isSpent(nowMicros()) ? 0 : VERBOSE_BYTES;
  }

  /** Does a part of the work on a body, in the time for details. */
  read<T>(part: () => T): T {
    return this.#bodyBudget.measure(part);
  }

  /** Whether the relay keeps what `verbose` would store. */
  get keepsDetails(): boolean {
    return this.#config.details && this.#config.requests === "standard";
  }

  nextNumber(): number {
    return ++this.#calls;
  }

  /** Returns the interaction that the page reacts to now. */
  cause(): Interaction | null {
    return this.#causes.current();
  }

  /** The browser dispatches an event of the response to a call. */
  dispatched(call: number, event: Event): void {
    this.#causes.dispatched(call, event);
  }

  /** The page looks at the response to a call for the first time. */
  looked(call: number): void {
    this.#causes.looked(call);
  }

  call({ api, number, ts, url, method, stack, cause, body }: Call): void {
    let json = `{"api":"${api}","call":${number}`;
    if (method !== "") json += `,"method":${quote(cut(method, MAX_METHOD))}`;
    if (url !== "") json += `,"url":${quote(cut(url, MAX_URL))}`;
    const withStack = (bytes: number): string =>
      stack === "" ? `${json}}` : `${json},"stack":${quote(cutToBytes(cut(stack, MAX_STACK), bytes))}}`;
    const isCut = stack.length > MAX_STACK || url.length > MAX_URL;
    const hasBody = body !== null && body !== "" && this.keepsDetails;
    const detail = hasBody ? this.#callDetail(withStack, body) : null;
    this.#put("network.call", api, ts, withStack, isCut, cause, detail);
  }

  #callDetail(withStack: (bytes: number) => string, body: string): Detail {
    const kept = cutToBytes(body, VERBOSE_BYTES);
    const make = (bytes: number): string => {
      const whole = withStack(bytes);
      return `${cut(whole, whole.length - 1)},"body":${quote(cutToBytes(kept, bytes))}}`;
    };
    return this.#fitted(make, kept.length < body.length);
  }

  body(answer: Answer, { text, stopped }: Text): void {
    const { api, status } = answer;
    const fields = fieldsOf(answer);
    const withBody = (bytes: number): string => bodyAfter(fields, text, stopped, bytes);
    const ts = nowMicros();
    if (!this.keepsDetails) {
      this.#put("network.response_body", api, ts, withBody, stopped !== null);
      return;
    }
    const detail = this.#fitted(withBody, stopped !== null);
    if (status < 400) {
      this.#outbox.keep(ts, "network.response_body", api, detail);
      return;
    }
    const isShort = utf8Length(text) <= FAILED_BYTES;
    const ofFailure = (bytes: number): string => withBody(min(bytes, FAILED_BYTES));
    const more = isShort ? null : detail;
    this.#put("network.response_body", api, ts, ofFailure, !isShort || stopped !== null, null, more);
    this.#outbox.handOver();
  }

  /** The page reads a body as JSON: recorded if it is not. */
  takenForJson(answer: Answer, { text, stopped }: Text): void {
    const error = jsonError(text, stopped !== null);
    if (error === null) return;
    const fields = `${fieldsOf(answer)},"error":${quote(cut(error, MAX_ERROR))}`;
    const withBody = (bytes: number): string => bodyAfter(fields, text, stopped, bytes);
    this.#put("network.json_warning", answer.api, nowMicros(), withBody, stopped !== null);
  }

  /** Returns what is known of a call before it is made; null if calls are not recorded. */
  begin(above: (...args: never[]) => unknown): Begun | null {
    if (!this.isOn) return null;
    try {
      return { ts: nowMicros(), stack: stackAbove(above), cause: this.cause() };
    } catch {
      this.lose();
      return null;
    }
  }

  /** Whether messages are recorded. */
  get hasMessages(): boolean {
    return this.isOn && this.#config.requests !== "standard";
  }

  /** `fields` are JSON, each with a comma in front; `text` is the message's content, null if that is no text. */
  message(type: string, api: Api, number: number, fields: string, text: string | null): void {
    const json = `{"api":"${api}","call":${number}${fields}`;
    const kept = text === null ? "" : cutToBytes(text, VERBOSE_BYTES);
    const withPayload = (bytes: number): string =>
      text === null ? `${json}}` : `${json},"payload":${quote(cutToBytes(kept, bytes))}}`;
    this.#put(`network.${type}`, api, nowMicros(), withPayload, kept.length < (text ?? "").length);
  }

  closed(number: number, url: string, code: number, reason: string, wasClean: boolean): void {
    const fields = `"url":${quote(cut(url, MAX_URL))},"code":${code},"reason":${quote(reason)},"clean":${wasClean}`;
    const make = (): string => `{"api":"websocket","call":${number},${fields}}`;
    this.#put("network.websocket_closed", "websocket", nowMicros(), make, url.length > MAX_URL);
  }

  /** Publishes a call, after it was made. */
  called(call: Call): void {
    try {
      this.call(call);
    } catch {
      this.lose();
    }
  }

  /** One event could not be made. */
  lose(): void {
    this.#outbox.lose("network");
  }

  #put(
    type: string,
    api: Api,
    ts: number,
    make: (bytes: number) => string,
    isCut: boolean,
    cause: Interaction | null = null,
    detail: Detail | null = null,
  ): void {
    const { data, truncated } = this.#fitted(make, isCut);
    const level = this.#config.requests;
    this.#outbox.put(ts, type, "network", api, level, data, truncated, false, cause, detail);
  }

  #fitted(make: (bytes: number) => string, isCut: boolean): Detail {
    const max = this.#config.max_request_bytes;
    const data = make(max);
    return fits(data, max)
      ? { data, truncated: isCut }
      : { data: shrink(max, make, () => ""), truncated: true };
  }
}

/** The fields of a response, and no end. */
function fieldsOf({ api, call, url, status, contentType }: Answer): string {
  let json = `{"api":"${api}"`;
  if (call !== null) json += `,"call":${call.number}`;
  if (call !== null && call.method !== "") json += `,"method":${quote(cut(call.method, MAX_METHOD))}`;
  json += `,"url":${quote(cut(url, MAX_URL))},"response_status":${status}`;
  return contentType === "" ? json : `${json},"content_type":${quote(cut(contentType, MAX_TYPE))}`;
}

function bodyAfter(fields: string, text: string, stopped: Stopped | null, bytes: number): string {
  const kept = cutToBytes(text, bytes);
  const why = kept.length < text.length ? "size" : stopped;
  return `${fields},"body":${quote(kept)}${why === null ? "" : `,"body_stopped":"${why}"`}}`;
}

/** Returns the parser's error; null if `text` is JSON, or may be the beginning of it. */
function jsonError(text: string, isCut: boolean): string | null {
  try {
    parse(text);
    return null;
  } catch (error) {
    const message = ownValue(error as object, "message");
    if (typeof message !== "string") return null;
    // The end of a whole text is missing, and nothing else is wrong with a beginning.
    return isCut && find(message, "Unexpected token") < 0 ? null : message;
  }
}

/** The address as webRequest gives it. */
export function withoutFragment(url: string): string {
  const at = find(url, "#");
  return at < 0 ? url : cut(url, at);
}
