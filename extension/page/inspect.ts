/**
 * Determines the kind of an object without running any code of the page: no getter, no trap, no `toString`.
 *
 * An object's kind comes from the platform prototype on its chain, and is accepted only once a method that
 * needs the internal slot has worked on it.
 */

import { HOOK_NAME } from "../protocol.ts";
import {
  apply,
  beginsWith,
  cut,
  descriptorOf,
  find,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  getterOf,
  hasOwn,
  isArray,
  isGenuineError,
  NONE,
  ownKeys,
  ownValue,
  pageFormatsStacks,
  read,
} from "./natives.ts";
import { type Field, forEachPlatform } from "./platform.ts";
import type { Proxies } from "./proxies.ts";
import type { Shared } from "./shared_realm.ts";

export type Kind =
  | "object"
  | "array"
  | "error"
  | "map"
  | "set"
  | "date"
  | "regexp"
  | "promise"
  | "typed_array"
  | "array_buffer"
  | "node"
  | "event"
  | "platform"
  | "headers"
  | "form_data"
  | "search_params"
  | "boxed"
  | "cross_origin"
  | "proxy"
  | "closed";

const { get: weakGet, set: weakSet } = WeakMap.prototype;
const { slice: sliceText, toLowerCase } = String.prototype;
const { isView } = ArrayBuffer;
const { toISOString } = Date.prototype;
const dateValueOf = Date.prototype.getTime;
const { getAttribute } = Element.prototype;
const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype) as object;
const ObjectPrototype = Object.prototype;
const ArrayPrototype = Array.prototype;

/** The name that the build gives the hook in stacks. */
const OUR_SCRIPT = `${HOOK_NAME}:`;

/** Longest prototype chain that is walked. */
const MAX_CHAIN = 12;

const KINDS: [object, Kind][] = [
  [Array.prototype, "array"],
  [Error.prototype, "error"],
  [Map.prototype, "map"],
  [Set.prototype, "set"],
  [Date.prototype, "date"],
  [RegExp.prototype, "regexp"],
  [Promise.prototype, "promise"],
  [TypedArrayPrototype, "typed_array"],
  [ArrayBuffer.prototype, "array_buffer"],
  [Node.prototype, "node"],
  [Event.prototype, "event"],
  [DOMException.prototype, "error"],
  [Number.prototype, "boxed"],
  [String.prototype, "boxed"],
  [Boolean.prototype, "boxed"],
  [Headers.prototype, "headers"],
  [FormData.prototype, "form_data"],
  [URLSearchParams.prototype, "search_params"],
];

const getters = {
  nodeType: getterOf(Node.prototype, "nodeType"),
  nodeName: getterOf(Node.prototype, "nodeName"),
  nodeValue: getterOf(Node.prototype, "nodeValue"),
  eventType: getterOf(Event.prototype, "type"),
  eventTarget: getterOf(Event.prototype, "target"),
  mapSize: getterOf(Map.prototype, "size"),
  setSize: getterOf(Set.prototype, "size"),
  source: getterOf(RegExp.prototype, "source"),
  // One by one: the getter of `flags` asks for properties that a page can give its own values.
  hasIndices: getterOf(RegExp.prototype, "hasIndices"),
  global: getterOf(RegExp.prototype, "global"),
  ignoreCase: getterOf(RegExp.prototype, "ignoreCase"),
  multiline: getterOf(RegExp.prototype, "multiline"),
  dotAll: getterOf(RegExp.prototype, "dotAll"),
  unicode: getterOf(RegExp.prototype, "unicode"),
  unicodeSets: getterOf(RegExp.prototype, "unicodeSets"),
  sticky: getterOf(RegExp.prototype, "sticky"),
  typedLength: getterOf(TypedArrayPrototype, "length"),
  byteLength: getterOf(ArrayBuffer.prototype, "byteLength"),
  exceptionName: getterOf(DOMException.prototype, "name"),
  exceptionMessage: getterOf(DOMException.prototype, "message"),
};

/**
 * V8 keeps `stack` as an own accessor; this is its getter, to recognize one that the page has put there. Null in older
 * browsers, where it looks like a value, and asking for its descriptor already writes it.
 */
const stackGetter = getOwnPropertyDescriptor(new Error(), "stack")?.get ?? null;

/** Objects with more keys than this are asked for them once a call only: it takes a moment, and cannot be cut short. */
const MANY_KEYS = 1_000;

export class Inspector {
  readonly #proxies: Proxies;
  readonly #shared: Shared;
  /** The object with many keys that was asked last. */
  #wide: { object: object; keys: (string | symbol)[] } | null = null;

  /** Tells the hooks of other documents how this document's objects are read. */
  constructor(proxies: Proxies, shared: Shared) {
    this.#proxies = proxies;
    this.#shared = shared;
    const { kinds, fields, stackGetters, errorGetters } = shared;
    for (let at = 0; at < KINDS.length; at++) apply(weakSet, kinds, KINDS[at] as [object, Kind]);
    forEachPlatform((prototype, shown, isEvent) => {
      if (!isEvent) apply(weakSet, kinds, [prototype, "platform"]);
      apply(weakSet, fields, [prototype, shown]);
    });
    if (stackGetter !== null) apply(weakSet, stackGetters, [stackGetter, pageFormatsStacks]);
    if (getters.exceptionName !== null) apply(weakSet, errorGetters, [getters.exceptionName, true]);
    if (getters.exceptionMessage !== null) apply(weakSet, errorGetters, [getters.exceptionMessage, true]);
  }

  /** The kind of any object; functions are not asked for. */
  kindOf(object: object): Kind {
    if (this.#proxies.isProxy(object)) return "proxy";
    if (isGenuineError(object)) return "error";
    if (!this.#proxies.complete) return this.#kindWithoutTouching(object);
    const prototype = getPrototypeOf(object);
    if (prototype === ObjectPrototype) return "object";
    if (prototype === null) return isOfAnotherOrigin(object) ? "cross_origin" : "object";
    if (prototype === ArrayPrototype && isArray(object)) return "array";
    const kind = this.#kindByChain(object);
    return kind !== "object" && this.#proven(object, kind) ? kind : isArray(object) ? "array" : "object";
  }

  /** The constructor's name; empty for plain objects and whatever has none. */
  classOf(object: object): string {
    if (!this.#proxies.complete && !isGenuineError(object)) return "";
    if (!this.#proxies.isProxy(object) && getPrototypeOf(object) === ObjectPrototype) return "";
    let link: object | null = object;
    for (let steps = 0; link !== null && steps < MAX_CHAIN; steps++) {
      if (this.#proxies.isProxy(link)) return "";
      const maker = ownValue(link, "constructor");
      if (typeof maker === "function") {
        const name = this.functionName(maker);
        return name === "Object" ? "" : name;
      }
      link = getPrototypeOf(link);
    }
    return "";
  }

  /** Returns the class of an object of kind `cross_origin`; only windows accept messages from every origin. */
  crossOriginClass = (object: object): string =>
    descriptorOf(object, "postMessage") === undefined ? "Location" : "Window";

  functionName(fn: object): string {
    if (this.#proxies.isProxy(fn)) return "";
    const name = ownValue(fn, "name");
    return typeof name === "string" ? cut(name, 128) : "";
  }

  keysOf(object: object): (string | symbol)[] {
    if (this.#wide !== null && this.#wide.object === object) return this.#wide.keys;
    const keys = ownKeys(object);
    if (keys.length > MANY_KEYS) this.#wide = { object, keys };
    return keys;
  }

  /** The page's own code runs again: objects may change. */
  forget(): void {
    this.#wide = null;
  }

  targetOf(proxy: object): object | undefined {
    return this.#proxies.targetOf(proxy);
  }

  errorName(error: object): string {
    const own = this.#inherited(error, "name");
    if (typeof own === "string") return cut(own, 128);
    const name = read(getters.exceptionName, error);
    return typeof name === "string" ? name : this.classOf(error) || "Error";
  }

  errorMessage(error: object): string {
    const own = this.#inherited(error, "message");
    if (typeof own === "string") return own;
    const message = read(getters.exceptionMessage, error);
    return typeof message === "string" ? message : "";
  }

  /** The stack without the frames of this script. */
  errorStack(error: object): string {
    return withoutOurFrames(this.wholeStack(error));
  }

  /** Whether a function of ours was called where this error was made. */
  hasOurFrames(error: object): boolean {
    return find(this.wholeStack(error), OUR_SCRIPT) >= 0;
  }

  /**
   * The stack as V8 wrote it; empty where the page has put something else there, and where reading it would run code of
   * the page: V8 writes it at the first reading, with the page's formatter, and asks the error for its `name`; for its
   * `message` as well, before it took to keeping the one the error was made with.
   */
  wholeStack(error: object): string {
    if (stackGetter === null && !this.#isStackHarmless(error, pageFormatsStacks)) return "";
    const descriptor = getOwnPropertyDescriptor(error, "stack");
    if (descriptor === undefined) return "";
    let stack: unknown;
    if (hasOwn(descriptor, "value")) stack = descriptor.value;
    else if (descriptor.get !== undefined) {
      const formatsStacks = apply(weakGet, this.#shared.stackGetters, [descriptor.get]) as
        | (() => boolean)
        | undefined;
      if (formatsStacks !== undefined && this.#isStackHarmless(error, formatsStacks))
        stack = read(descriptor.get, error);
    }
    return typeof stack === "string" ? stack : "";
  }

  /**
   * The fields to show of an event or another object of the platform: first those of the interface it is of, then
   * those that this one inherits. `visit` gets the value of each that has one.
   */
  forEachField(object: object, visit: (name: string, value: unknown) => void): void {
    let link = getPrototypeOf(object);
    for (let steps = 0; link !== null && steps < MAX_CHAIN; steps++) {
      if (this.#proxies.isProxy(link)) return;
      const fields = apply(weakGet, this.#shared.fields, [link]) as Field[] | undefined;
      for (let at = 0; fields !== undefined && at < fields.length; at++) {
        const { name, get } = fields[at] as Field;
        const value = read(get, object);
        if (value !== undefined && value !== null && value !== "") visit(name, value);
      }
      link = getPrototypeOf(link);
    }
  }

  /** The node, or another object with fields to show, that an event was dispatched to. */
  eventTarget(event: object): object | null {
    const target = read(getters.eventTarget, event);
    if (typeof target !== "object" || target === null) return null;
    const kind = this.kindOf(target);
    return kind === "node" || kind === "platform" ? target : null;
  }

  mapSize = (map: object): number => number(read(getters.mapSize, map));
  setSize = (set: object): number => number(read(getters.setSize, set));
  typedLength = (array: object): number => number(read(getters.typedLength, array));
  byteLength = (buffer: object): number => number(read(getters.byteLength, buffer));
  regexpText(regexp: object): string {
    const flag = (getter: (() => unknown) | null, letter: string): string =>
      read(getter, regexp) === true ? letter : "";
    return (
      `/${text(read(getters.source, regexp))}/${flag(getters.hasIndices, "d")}${flag(getters.global, "g")}` +
      `${flag(getters.ignoreCase, "i")}${flag(getters.multiline, "m")}${flag(getters.dotAll, "s")}` +
      `${flag(getters.unicode, "u")}${flag(getters.unicodeSets, "v")}${flag(getters.sticky, "y")}`
    );
  }

  eventType = (event: object): string => text(read(getters.eventType, event));

  dateText(date: object): string {
    try {
      return apply(toISOString, date, NONE);
    } catch {
      return "Invalid Date";
    }
  }

  /** `div#main.card`: what a person would call the node. */
  nodeText(node: object): string {
    const name = text(read(getters.nodeName, node));
    switch (read(getters.nodeType, node)) {
      case 1: {
        const id = attribute(node, "id");
        const classes = attribute(node, "class");
        let selector = lower(name) + (id === "" ? "" : `#${cut(id, 64)}`);
        let from = 0;
        for (let at = 0; at <= classes.length && selector.length < 160; at++) {
          const char = classes[at];
          if (char !== undefined && char !== " " && char !== "\n" && char !== "\t") continue;
          if (at > from) selector += `.${cut(apply(sliceText, classes, [from, at]), 64)}`;
          from = at + 1;
        }
        return selector;
      }
      case 3:
        return `#text ${cut(text(read(getters.nodeValue, node)), 80)}`;
      default:
        return name;
    }
  }

  #kindByChain(object: object): Kind {
    let link = getPrototypeOf(object);
    for (let steps = 0; link !== null && steps < MAX_CHAIN; steps++) {
      if (this.#proxies.isProxy(link)) return "object";
      const kind = apply(weakGet, this.#shared.kinds, [link]) as Kind | undefined;
      if (kind !== undefined) return kind;
      link = getPrototypeOf(link);
    }
    return "object";
  }

  /** Every probe here throws for a Proxy, so an object that passes is no Proxy. */
  #kindWithoutTouching(object: object): Kind {
    if (isView(object) && this.#proven(object, "typed_array")) return "typed_array";
    if (this.#proven(object, "node")) return "node";
    if (this.#proven(object, "date")) return "date";
    return "closed";
  }

  #proven(object: object, kind: Kind): boolean {
    switch (kind) {
      case "array":
        return isArray(object);
      case "map":
        return read(getters.mapSize, object) !== undefined;
      case "set":
        return read(getters.setSize, object) !== undefined;
      case "date":
        return read(dateValueOf, object) !== undefined;
      case "node":
        return read(getters.nodeType, object) !== undefined;
      case "event":
        return read(getters.eventType, object) !== undefined;
      case "regexp":
        return read(getters.source, object) !== undefined;
      case "typed_array":
        return read(getters.typedLength, object) !== undefined && isView(object);
      case "array_buffer":
        return read(getters.byteLength, object) !== undefined;
      default:
        return true;
    }
  }

  #inherited(object: object, name: string): unknown {
    const descriptor = this.#lookUp(object, name);
    return descriptor !== undefined && hasOwn(descriptor, "value") ? descriptor.value : undefined;
  }

  /** The property as an ordinary reading finds it; undefined where it would come to a Proxy. */
  #lookUp(object: object, name: string): PropertyDescriptor | undefined {
    let link: object | null = object;
    for (let steps = 0; link !== null && steps < MAX_CHAIN; steps++) {
      if (this.#proxies.isProxy(link)) return undefined;
      const descriptor = descriptorOf(link, name);
      if (descriptor !== undefined) return descriptor;
      link = getPrototypeOf(link);
    }
    return undefined;
  }

  /** Whether V8 can write the stack without a formatter, a getter, a trap or a `toString` of the page. */
  #isStackHarmless(error: object, formatsStacks: () => boolean): boolean {
    return !formatsStacks() && this.#isPlain(error, "name") && this.#isPlain(error, "message");
  }

  /** Whether the property is a string; one that the platform's own getter gives, of a DOMException, is as good. */
  #isPlain(error: object, name: string): boolean {
    const descriptor = this.#lookUp(error, name);
    if (descriptor === undefined) return false;
    if (hasOwn(descriptor, "value")) return typeof descriptor.value === "string";
    const { get } = descriptor;
    if (get === undefined || apply(weakGet, this.#shared.errorGetters, [get]) !== true) return false;
    return typeof read(get, error) === "string";
  }
}

/** A stack without the frames of our own wrappers: that of an error which `fetch` itself has made. */
function withoutOurFrames(stack: string): string {
  if (find(stack, OUR_SCRIPT) < 0) return stack;
  let kept = "";
  for (let from = 0; from < stack.length; ) {
    const end = find(stack, "\n", from);
    const to = end < 0 ? stack.length : end;
    const line = apply(sliceText, stack, [from, to]);
    if (!beginsWith(line, "    at ") || find(line, OUR_SCRIPT) < 0) kept += from === 0 ? line : `\n${line}`;
    from = to + 1;
  }
  return kept;
}

/** A window or location of another origin: it has no prototype, and only a few properties may be asked for. */
function isOfAnotherOrigin(object: object): boolean {
  try {
    getOwnPropertyDescriptor(object, "constructor");
    return false;
  } catch {
    return true;
  }
}

function lower(value: string): string {
  return apply(toLowerCase, value, NONE);
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function attribute(node: object, name: string): string {
  try {
    return text(apply(getAttribute, node, [name]));
  } catch {
    return "";
  }
}
