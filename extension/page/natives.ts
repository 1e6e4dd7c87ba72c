/**
 * Built-ins as they were at `document_start`.
 *
 * Everything in `page/` runs in the page's own world, where a script may have replaced any method since. So it
 * calls nothing but what is saved here, spreads and iterates nothing (`Symbol.iterator` is the page's), and
 * writes to no array by index (`Array.prototype` may have setters): values are read by index, text is joined by `+`.
 */
import type { HookToRelay } from "../protocol.ts";
import { apply, cut, NONE, tail } from "./language.ts";

export * from "./language.ts";

export const { construct, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;

const { parse } = JSON;
const { hasOwn } = Object;
const { isArray } = Array;
const { isFinite: isFiniteNumber } = Number;
const { indexOf, startsWith } = String.prototype;
const { max, min, round } = Math;
const NativeError = Error;
const { captureStackTrace } = Error;
const FORMATTER = "prepareStackTrace";
const LIMIT = "stackTraceLimit";
/** V8's own: https://v8.dev/docs/stack-trace-api */
const DEFAULT_LIMIT = 10;
const FunctionPrototype = Function.prototype;
const ObjectPrototype = Object.prototype;
// Chrome 134 and later: true for genuine errors of any realm, never runs page code.
const isErrorNative = (Error as unknown as { isError?: (value: unknown) => boolean }).isError;
const NativeCustomEvent = CustomEvent;
const NativeBytes = Uint8Array;
const { encodeInto } = TextEncoder.prototype;
const encoder = new TextEncoder();
const NativeMouseEvent = MouseEvent;
const { dispatchEvent, addEventListener, removeEventListener } = EventTarget.prototype;
const microtask = queueMicrotask;
const dateNow = Date.now;
const monotonic = performance.now.bind(performance);
const here = location;
const href = getOwnPropertyDescriptor(location, "href")?.get as () => string;

export { hasOwn, isArray, isFiniteNumber, max, min, parse, round };

/** Reads a getter of a platform prototype, or null where the platform has none. */
export function getterOf(prototype: object, name: PropertyKey): (() => unknown) | null {
  return getOwnPropertyDescriptor(prototype, name)?.get ?? null;
}

/** The value of a platform getter on an object that may not be of that type: undefined then. */
export function read(getter: (() => unknown) | null, object: unknown): unknown {
  if (getter === null) return undefined;
  try {
    return apply(getter, object, NONE);
  } catch {
    return undefined;
  }
}

/** The own property's descriptor; undefined as well where the browser refuses: a window of another origin. */
export function descriptorOf(object: object, name: PropertyKey): PropertyDescriptor | undefined {
  try {
    return getOwnPropertyDescriptor(object, name);
  } catch {
    return undefined;
  }
}

/** An own data property; undefined for a getter, which is not run. */
export function ownValue(object: object, name: PropertyKey): unknown {
  const descriptor = descriptorOf(object, name);
  // An accessor's descriptor has no own `value`: reading it would look at the page's Object.prototype.
  return descriptor !== undefined && hasOwn(descriptor, "value") ? descriptor.value : undefined;
}

/** Gives `owner[name]` another value or another getter, and leaves the rest as in `like`. */
export function redefine(
  owner: object,
  name: string,
  value: unknown,
  like: PropertyDescriptor,
  part: "value" | "get" = "value",
): boolean {
  const { enumerable, configurable } = like;
  // Null prototypes, or the page's `Object.prototype.get` would make an accessor of a value.
  const made =
    part === "get"
      ? { __proto__: null, get: value, set: like.set, enumerable, configurable }
      : { __proto__: null, value, writable: like.writable, enumerable, configurable };
  return defineProperty(owner, name, made as unknown as PropertyDescriptor);
}

/** As much of `text` as `bytes` of UTF-8 hold; half a character is left out. */
export function cutToBytes(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  return cut(text, apply(encodeInto, encoder, [text, new NativeBytes(bytes)]).read);
}

export function utf8Length(text: string): number {
  return apply(encodeInto, encoder, [text, new NativeBytes(text.length * 3)]).written;
}

export function find(text: string, part: string, from = 0): number {
  return apply(indexOf, text, [part, from]);
}

export function beginsWith(text: string, part: string): boolean {
  return apply(startsWith, text, [part]);
}

/** The document's address. */
export function address(): string {
  return apply(href, here, NONE);
}

let driftOrigin = dateNow() - monotonic();

/** Unix microseconds. The monotonic clock gives the resolution; it is set anew when the wall clock left it. */
export function nowMicros(): number {
  return round((driftOrigin + monotonic()) * 1000);
}

/** Returns the time, and then sets the clock if it has drifted: `performance.now()` stops while a computer sleeps. */
export function nowMicrosAndReset(): number {
  const milliseconds = monotonic();
  const now = round((driftOrigin + milliseconds) * 1000);
  const origin = dateNow() - milliseconds;
  if (origin - driftOrigin > 20 || driftOrigin - origin > 20) driftOrigin = origin;
  return now;
}

export const nowMillis = monotonic;

export function isGenuineError(value: unknown): boolean {
  return isErrorNative?.(value) === true;
}

/** The stack of the caller of `above`, without a header line; empty when the page formats stacks itself. */
export function stackAbove(above: (...args: never[]) => unknown): string {
  if (pageFormatsStacks()) return "";
  // A null prototype: V8 looks up `name` and `message` for the header, and the page may own Object.prototype.
  const holder = { __proto__: null } as unknown as { stack?: string };
  const limit = getOwnPropertyDescriptor(NativeError, LIMIT);
  // A page that has turned stacks off for itself; no code of it runs in between.
  const isOff = limit?.writable === true && !(typeof limit.value === "number" && limit.value >= 1);
  if (isOff) redefine(NativeError, LIMIT, DEFAULT_LIMIT, limit);
  try {
    captureStackTrace(holder, above);
  } finally {
    if (isOff) redefine(NativeError, LIMIT, limit.value, limit);
  }
  return withoutHeader(holder.stack ?? "");
}

/**
 * With `Error.prepareStackTrace`, own or inherited, reading a stack runs code of the page: it is left unread. V8 calls
 * nothing but a function, and looks no further than the first property of that name: React leaves an own `undefined`.
 */
export function pageFormatsStacks(): boolean {
  const own = getOwnPropertyDescriptor(NativeError, FORMATTER);
  if (own !== undefined) return !hasOwn(own, "value") || typeof own.value === "function";
  return (
    getPrototypeOf(NativeError) !== FunctionPrototype ||
    getPrototypeOf(FunctionPrototype) !== ObjectPrototype ||
    getOwnPropertyDescriptor(FunctionPrototype, FORMATTER) !== undefined ||
    getOwnPropertyDescriptor(ObjectPrototype, FORMATTER) !== undefined
  );
}

function withoutHeader(stack: string): string {
  const end = find(stack, "\n");
  return end < 0 ? "" : tail(stack, end + 1);
}

export function enqueueMicrotask(task: () => void): void {
  microtask(task);
}

/** Literals with `__proto__: null`: a member that is left out must not be looked up on the page's Object.prototype. */
function bare<T>(literal: T & { __proto__: null }): T {
  return literal;
}

export function send(target: EventTarget, type: HookToRelay, detail: string): void {
  apply(dispatchEvent, target, [new NativeCustomEvent(type, bare({ __proto__: null, detail }))]);
}

/** Offers `related` to the listeners of `target`; true when one of them took it. */
export function offer(target: EventTarget, type: string, related: EventTarget): boolean {
  const event = new NativeMouseEvent(
    type,
    bare({ __proto__: null, cancelable: true, relatedTarget: related }),
  );
  return !apply(dispatchEvent, target, [event]);
}

/** Asks the hook behind `target`, in this world, for an object: null where none answers. */
export function ask(target: EventTarget, type: string): unknown {
  const detail = { __proto__: null, answer: null };
  apply(dispatchEvent, target, [new NativeCustomEvent(type, bare({ __proto__: null, detail }))]);
  return detail.answer;
}

export function listen(
  target: EventTarget,
  type: string,
  listener: (event: never) => void,
  isCapture = false,
): void {
  apply(addEventListener, target, [type, listener, isCapture]);
}

export function unlisten(
  target: EventTarget,
  type: string,
  listener: (event: never) => void,
  isCapture = false,
): void {
  apply(removeEventListener, target, [type, listener, isCapture]);
}

export const relatedTarget = getterOf(MouseEvent.prototype, "relatedTarget");
export const customEventDetail = getterOf(CustomEvent.prototype, "detail");
