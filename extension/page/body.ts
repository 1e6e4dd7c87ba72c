/**
 * The beginning of a response's text, read from a clone of it within a byte and a time budget.
 *
 * The page's own response stays whole: the clone is canceled as soon as it has given enough, so that it neither
 * holds the page's stream back nor keeps what the page has read. A stream that stays open is left after the time
 * budget with what has come. No promise of the page is touched, and no promise made here is left unhandled.
 */
import {
  apply,
  beginsWith,
  cutToBytes,
  find,
  getOwnPropertyDescriptor,
  getterOf,
  hasOwn,
  NONE,
  ownValue,
  read,
  utf8Length,
} from "./natives.ts";

const { clone } = Response.prototype;
const body = getterOf(Response.prototype, "body");
const { getReader } = ReadableStream.prototype;
const { read: readChunk, cancel } = ReadableStreamDefaultReader.prototype;
const { decode } = TextDecoder.prototype;
const NativeDecoder = TextDecoder;
const PromisePrototype = Promise.prototype;
const { then } = PromisePrototype;
const NativePromise = Promise;
const species = getOwnPropertyDescriptor(Promise, Symbol.species)?.get;
const { toLowerCase } = String.prototype;
const ObjectPrototype = Object.prototype;
const startTimer = setTimeout;
const stopTimer = clearTimeout;

const TIME_BUDGET_MS = 2_000;

/** Why a body is not whole. */
export type Stopped = "size" | "time" | "error" | "left";

export interface Text {
  text: string;
  stopped: Stopped | null;
}

/** Whether content of this type is text that can be shown. Without a type, it is taken for text. */
export function isText(contentType: string): boolean {
  if (contentType === "") return true;
  const type = apply(toLowerCase, contentType, NONE);
  if (beginsWith(type, "text/")) return true;
  return find(type, "json") >= 0 || find(type, "xml") >= 0 || find(type, "javascript") >= 0;
}

/** Whether a content type says JSON, as `application/problem+json` does. */
export function isJson(contentType: string): boolean {
  return find(apply(toLowerCase, contentType, NONE), "json") >= 0;
}

/** Whether content of this type is a stream by its nature, which may never end. */
export function isStream(contentType: string): boolean {
  return find(apply(toLowerCase, contentType, NONE), "event-stream") >= 0;
}

/** Whether content of this type is text without an end of its own, line by line. */
export function isEndless(contentType: string): boolean {
  const type = apply(toLowerCase, contentType, NONE);
  return find(type, "ndjson") >= 0 || find(type, "jsonl") >= 0 || find(type, "json-seq") >= 0;
}

/** Cuts `text` to so many bytes of UTF-8. */
export function limited(text: string, maxBytes: number, stopped: Stopped | null): Text {
  const kept = cutToBytes(text, maxBytes);
  return { text: kept, stopped: kept.length < text.length ? "size" : stopped };
}

/**
 * Whether `Promise.prototype.then` runs no code of the page: it looks up the promise's constructor, and that one's
 * species; resolving with an object looks up its `then`.
 */
function promisesAreNative(): boolean {
  return (
    ownValue(PromisePrototype, "constructor") === NativePromise &&
    getOwnPropertyDescriptor(NativePromise, Symbol.species)?.get === species &&
    !hasOwn(ObjectPrototype, "then")
  );
}

type Measure = (step: () => void) => void;

export class BodyReader {
  /** Reads under way, as a list: an array would ask the page's prototypes. */
  #first: Reading | null = null;

  /**
   * Reads at most `maxBytes` of `response` and calls `onRead` once, later. False: it cannot be read. Each step is made
   * within `measure`.
   */
  start(response: object, maxBytes: number, measure: Measure, onRead: (text: Text) => void): boolean {
    if (!promisesAreNative()) return false;
    // Throws where the page has a reader on it already, or has read it.
    const copy = apply(clone, response as Response, NONE) as object;
    const stream = read(body, copy) as object | null | undefined;
    if (stream === null || stream === undefined) return false;
    const reading: Reading = new Reading(
      apply(getReader, stream as never, NONE) as object,
      maxBytes,
      measure,
      (text) => {
        this.#remove(reading);
        onRead(text);
      },
    );
    reading.next = this.#first;
    this.#first = reading;
    reading.run();
    return true;
  }

  /** The document is being left: hands over what has been read by now. */
  finish(): void {
    while (this.#first !== null) this.#first.stop("left");
  }

  #remove(reading: Reading): void {
    let before: Reading | null = null;
    for (let at = this.#first; at !== null; before = at, at = at.next) {
      if (at !== reading) continue;
      if (before === null) this.#first = at.next;
      else before.next = at.next;
      return;
    }
  }
}

class Reading {
  next: Reading | null = null;
  readonly #reader: object;
  readonly #maxBytes: number;
  readonly #measure: Measure;
  readonly #onRead: (text: Text) => void;
  readonly #decoder = new NativeDecoder();
  readonly #timer: ReturnType<typeof setTimeout>;
  #text = "";
  #isOver = false;

  constructor(reader: object, maxBytes: number, measure: Measure, onRead: (text: Text) => void) {
    this.#reader = reader;
    this.#maxBytes = maxBytes;
    this.#measure = measure;
    this.#onRead = onRead;
    this.#timer = apply(startTimer, undefined, [() => this.stop("time"), TIME_BUDGET_MS] as never) as never;
  }

  run(): void {
    const step = apply(readChunk as never, this.#reader as never, NONE as never) as Promise<unknown>;
    apply(then, step, [this.#onChunk, this.#onError] as never);
  }

  stop(why: Stopped | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    apply(stopTimer, undefined, [this.#timer] as never);
    if (why !== null) {
      const canceled = apply(cancel as never, this.#reader as never, NONE as never) as Promise<unknown>;
      apply(then, canceled, [nothing, nothing] as never);
    }
    this.#onRead(limited(this.#text, this.#maxBytes, why));
  }

  readonly #onChunk = (step: { done: boolean; value: Uint8Array }): void =>
    this.#measure(() => this.#take(step));

  #take(step: { done: boolean; value: Uint8Array }): void {
    if (this.#isOver) return;
    try {
      if (step.done) {
        this.#text += apply(decode, this.#decoder, NONE);
        this.stop(null);
        return;
      }
      const more = { __proto__: null, stream: true } as TextDecodeOptions;
      this.#text += apply(decode, this.#decoder, [step.value, more]);
      if (utf8Length(cutToBytes(this.#text, this.#maxBytes + 1)) > this.#maxBytes) this.stop("size");
      else this.run();
    } catch {
      this.stop("error");
    }
  }

  readonly #onError = (): void => this.stop("error");
}

function nothing(): void {}
