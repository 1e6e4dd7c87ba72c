/**
 * Any value as JSON, within a budget, without running code of the page.
 *
 * Values of JSON stay themselves: `"a"`, `1`, `[1,2]`, `{"a":1}`. Everything else is an object whose `$` names it:
 * `{"$":"Map","size":2,"entries":[…]}`, `{"$":"TypeError","message":…,"stack":…}`, `{"$":"undefined"}`. An
 * object of a class, or a truncated one, is `{"$":"Point","props":{…},"more":3}`; a key named `$` gets the same form.
 * A getter is `{"$":"getter"}`, an ancestor `{"$":"circular"}`, what the budget left out `{"$":"cut"}`.
 */

import type { Inspector, Kind } from "./inspect.ts";
import type { Limits } from "./limits.ts";
import {
  apply,
  bigintText,
  cut,
  find,
  getOwnPropertyDescriptor,
  getPrototypeOf,
  hasOwn,
  isFiniteNumber,
  max,
  min,
  NONE,
  nowMillis,
  ownValue,
  quote,
  symbolText,
  tail,
} from "./natives.ts";
import { isPrimitive, stringOf } from "./text.ts";

interface Ancestor {
  object: object;
  parent: Ancestor | null;
}

const mapNext = getPrototypeOf(new Map().entries()) as Iterator<unknown>;
const setNext = getPrototypeOf(new Set().values()) as Iterator<unknown>;
const iteration = {
  map: { start: Map.prototype.entries, next: mapNext.next },
  set: { start: Set.prototype.values, next: setNext.next },
};

const pairs = {
  headers: Headers.prototype.forEach,
  form_data: FormData.prototype.forEach,
  search_params: URLSearchParams.prototype.forEach,
};
const pairNames = { headers: "Headers", form_data: "FormData", search_params: "URLSearchParams" };

/** Characters of a property's name. */
const MAX_KEY = 256;
/** Arrays in arrays in which a number is looked for. */
const MAX_NUMERIC_DEPTH = 4;
const CUT = '{"$":"cut"}';
const DEEP = '{"$":"deep"';
/** Characters of an error's stack that are kept at least, if the budget has them: some twenty frames. */
const MIN_STACK = 4_000;
/** Characters of a stack's header that are kept when the stack is too long. */
const STACK_HEADER = 200;
const FIRST_FRAME = "\n    at ";

export class Preview {
  /** True when anything was left out. */
  truncated = false;
  /** Arguments in the list. */
  count = 0;
  /** Indexes of strings that are truncated, each between commas: an array would ask the page's prototypes. */
  #partial = "";
  readonly #inspect: Inspector;
  readonly #limits: Limits;
  #left: number;
  #visited = 0;
  /** Set when the first values have been visited: most values have few, and the clock costs more than they do. */
  #deadline = 0;

  constructor(inspect: Inspector, limits: Limits) {
    this.#inspect = inspect;
    this.#limits = limits;
    this.#left = limits.total;
  }

  json(value: unknown): string {
    return this.#value(value, this.#limits.depth, null);
  }

  /** The beginning of what an array is as a string, up to its second element. */
  arrayText(value: unknown, depth = MAX_NUMERIC_DEPTH): string | null {
    if (typeof value !== "object" || value === null || depth === 0) return null;
    if (this.#inspect.kindOf(value) !== "array") return null;
    const first = ownValue(value, "0");
    if (first === undefined || first === null) return "";
    return isPrimitive(first) ? `${stringOf(first)},` : this.arrayText(first, depth - 1);
  }

  /** The arguments from `first` on, a comma between them; what comes after the budget is spent is one `cut`. */
  list(args: ArrayLike<unknown>, first: number): string {
    let list = "";
    for (let at = first; at < args.length; at++) {
      const spent = this.#left <= 0;
      const json = this.json(args[at]);
      if (typeof args[at] === "string" && json[0] !== '"') this.#partial += `,${this.count},`;
      list += `${list === "" ? "" : ","}${json}`;
      this.count++;
      if (spent) break;
    }
    return list;
  }

  /** Whether the argument at `index` of the list, a string, has all its characters in it. */
  isWhole(index: number): boolean {
    return this.#partial === "" || find(this.#partial, `,${index},`) < 0;
  }

  #value(value: unknown, depth: number, above: Ancestor | null): string {
    if ((++this.#visited & 31) === 0) this.#checkTime();
    if (this.#left <= 0) return this.#cut();
    switch (typeof value) {
      case "string":
        return this.#string(value);
      case "number":
        if (isFiniteNumber(value) && (value !== 0 || 1 / value > 0)) return this.#spend(`${value}`);
        return this.#spend(`{"$":"number","value":"${value === 0 ? "-0" : value}"}`);
      case "boolean":
        return this.#spend(value ? "true" : "false");
      case "undefined":
        return this.#spend('{"$":"undefined"}');
      case "bigint":
        return this.#bigint(value);
      case "symbol":
        return `{"$":"symbol","text":${this.#string(apply(symbolText, value, NONE))}}`;
      case "function":
        return this.#tag(this.#inspect.kindOf(value) === "proxy" ? "Proxy" : "function", this.#named(value));
      default:
        return value === null ? this.#spend("null") : this.#object(value as object, depth, above);
    }
  }

  #object(object: object, depth: number, above: Ancestor | null): string {
    for (let link = above; link !== null; link = link.parent) {
      if (link.object === object) return this.#spend('{"$":"circular"}');
    }
    const kind = this.#inspect.kindOf(object);
    const here = { __proto__: null, object, parent: above } as unknown as Ancestor;
    switch (kind) {
      case "error":
        return this.#error(object, depth, here);
      case "date":
        return this.#tag("Date", `,"value":"${this.#inspect.dateText(object)}"`);
      case "regexp":
        return this.#tag("RegExp", `,"value":${this.#string(this.#inspect.regexpText(object))}`);
      case "node":
        return this.#tag(
          this.#inspect.classOf(object) || "Node",
          `,"node":${this.#string(this.#inspect.nodeText(object))}`,
        );
      case "event":
        return this.#event(object, depth, here);
      case "promise":
        return this.#tag("Promise", "");
      case "array_buffer":
        return this.#tag("ArrayBuffer", `,"byte_length":${this.#inspect.byteLength(object)}`);
      case "closed":
        return this.#tag("closed", "");
      case "cross_origin":
        return this.#tag(this.#inspect.crossOriginClass(object), ',"cross_origin":true');
      case "proxy": {
        const target = this.#inspect.targetOf(object);
        if (target === undefined || depth === 0) return this.#tag("Proxy", "");
        const shown = typeof target === "function" ? '{"$":"function"}' : this.#object(target, depth, here);
        return this.#tag("Proxy", `,"target":${shown}`);
      }
      default:
        return depth === 0 ? this.#deep(object, kind) : this.#contents(object, kind, depth - 1, here);
    }
  }

  #contents(object: object, kind: Kind, depth: number, here: Ancestor): string {
    switch (kind) {
      case "array":
        return this.#array(object as unknown[], depth, here);
      case "typed_array":
        return this.#typedArray(object as unknown as ArrayLike<number>);
      case "map":
        return this.#iterated(object, "map", this.#inspect.mapSize(object), depth, here);
      case "set":
        return this.#iterated(object, "set", this.#inspect.setSize(object), depth, here);
      case "platform":
        return this.#platform(object, depth, here);
      case "headers":
      case "form_data":
      case "search_params":
        return this.#pairs(object, kind, depth, here) ?? this.#properties(object, depth, here);
      default:
        return this.#properties(object, depth, here);
    }
  }

  #event(event: object, depth: number, here: Ancestor): string {
    const name = this.#inspect.classOf(event) || "Event";
    const type = `"type":${this.#string(this.#inspect.eventType(event))}`;
    if (depth === 0) return this.#tag(name, `,${type}`);
    const target = this.#inspect.eventTarget(event);
    const shown = target === null ? "" : `,"target":${this.#value(target, depth - 1, here)}`;
    const fields = this.#fields(event, depth - 1, here);
    return this.#tag(name, `,"props":{${type}${shown}${fields === "" ? "" : `,${fields}`}}`);
  }

  #platform(object: object, depth: number, here: Ancestor): string {
    const fields = this.#fields(object, depth, here);
    // Properties that the page has added.
    const own = this.#ownFields(object, depth, here, () => true, fields === "");
    return this.#wrapped(object, `${fields}${own}`, 0);
  }

  /** The fields of an object of the platform, as JSON without braces. */
  #fields(object: object, depth: number, here: Ancestor): string {
    let text = "";
    this.#inspect.forEachField(object, (name, value) => {
      text += `${text === "" ? "" : ","}${this.#spend(`"${name}":`)}${this.#value(value, depth, here)}`;
    });
    return text;
  }

  /** The enumerable properties that `isWanted`, as JSON without braces; a comma in front of the first unless it `isFirst`. */
  #ownFields(
    object: object,
    depth: number,
    here: Ancestor,
    isWanted: (key: string, value: unknown) => boolean,
    isFirst: boolean,
  ): string {
    const keys = this.#inspect.keysOf(object);
    let text = "";
    let shown = 0;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string | symbol;
      if (typeof key === "symbol") continue;
      const descriptor = getOwnPropertyDescriptor(object, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (!isWanted(key, hasOwn(descriptor, "value") ? descriptor.value : undefined)) continue;
      if (this.#left <= 0 || shown === this.#limits.width) {
        this.truncated = true;
        break;
      }
      text += `${isFirst && shown === 0 ? "" : ","}${this.#spend(`${quote(cut(key, MAX_KEY))}:`)}`;
      text += this.#member(descriptor, depth, here);
      shown++;
    }
    return text;
  }

  /** Null if the object only looks like one. */
  #pairs(object: object, kind: keyof typeof pairs, depth: number, here: Ancestor): string | null {
    let text = "";
    let shown = 0;
    let size = 0;
    const visit = (value: unknown, name: string): void => {
      size++;
      if (shown === this.#limits.width || this.#left <= 0) return;
      const item = this.#spend(`[${this.#string(name)},${this.#value(value, depth, here)}]`, 3);
      text += shown === 0 ? item : `,${item}`;
      shown++;
    };
    try {
      apply(pairs[kind] as (visit: unknown) => void, object, [visit]);
    } catch {
      return null;
    }
    if (shown < size) this.truncated = true;
    const name = this.#inspect.classOf(object) || pairNames[kind];
    return this.#tag(name, `,"size":${size},"entries":[${text}]`);
  }

  #properties(object: object, depth: number, here: Ancestor): string {
    const keys = this.#inspect.keysOf(object);
    let text = "";
    let shown = 0;
    let tagged = false;
    for (let at = 0; at < keys.length; at++) {
      if ((at & 31) === 31) this.#checkTime();
      const key = keys[at] as string | symbol;
      const descriptor = this.#left <= 0 ? undefined : getOwnPropertyDescriptor(object, key);
      if (this.#left > 0 && (descriptor === undefined || !descriptor.enumerable)) continue;
      if (descriptor === undefined || shown === this.#limits.width) {
        this.truncated = true;
        return this.#wrapped(object, text, keys.length - at);
      }
      const name = typeof key === "symbol" ? apply(symbolText, key, NONE) : key;
      if (name === "$") tagged = true;
      text += `${shown === 0 ? "" : ","}${this.#spend(`${quote(cut(name, MAX_KEY))}:`)}`;
      text += this.#member(descriptor, depth, here);
      shown++;
    }
    const plain = !tagged && this.#inspect.classOf(object) === "";
    return plain ? `{${text}}` : this.#wrapped(object, text, 0);
  }

  #wrapped(object: object, properties: string, more: number): string {
    const rest = more === 0 ? "" : `,"more":${more}`;
    return this.#tag(this.#inspect.classOf(object) || "Object", `,"props":{${properties}}${rest}`);
  }

  #array(array: unknown[], depth: number, here: Ancestor): string {
    const { length } = array;
    const shown = min(length, this.#limits.width);
    let text = "";
    let at = 0;
    for (; at < shown && this.#left > 0; at++) {
      const descriptor = getOwnPropertyDescriptor(array, `${at}`);
      const item =
        descriptor === undefined ? this.#spend('{"$":"empty"}') : this.#member(descriptor, depth, here);
      text += at === 0 ? item : `,${item}`;
    }
    const name = this.#inspect.classOf(array);
    if (at === length && (name === "Array" || name === "")) return `[${text}]`;
    if (at < length) this.truncated = true;
    return this.#tag(name || "Array", `,"length":${length},"items":[${text}]`);
  }

  #typedArray(array: ArrayLike<number>): string {
    const name = this.#inspect.classOf(array) || "TypedArray";
    if (name === "DataView") return this.#tag(name, "");
    const length = this.#inspect.typedLength(array);
    let text = "";
    const shown = min(length, this.#limits.width);
    if (shown < length) this.truncated = true;
    for (let at = 0; at < shown; at++) {
      const item = array[at];
      text += `${at === 0 ? "" : ","}${typeof item === "number" && isFiniteNumber(item) ? item : `"${item}"`}`;
    }
    return this.#tag(name, `,"length":${length},"items":[${this.#spend(text)}]`);
  }

  #iterated(object: object, kind: "map" | "set", size: number, depth: number, here: Ancestor): string {
    const { start, next } = iteration[kind];
    const iterator = apply(start as () => unknown, object, NONE);
    let text = "";
    let shown = 0;
    for (; shown < this.#limits.width && this.#left > 0; shown++) {
      const step = apply(next as () => IteratorResult<unknown>, iterator, NONE);
      if (step.done) break;
      let item: string;
      if (kind === "map") {
        const entry = step.value as [unknown, unknown];
        item = this.#spend(
          `[${this.#value(entry[0], depth, here)},${this.#value(entry[1], depth, here)}]`,
          3,
        );
      } else {
        item = this.#value(step.value, depth, here);
      }
      text += shown === 0 ? item : `,${item}`;
    }
    if (shown < size) this.truncated = true;
    const name = this.#inspect.classOf(object) || (kind === "map" ? "Map" : "Set");
    return this.#tag(name, `,"size":${size},"${kind === "map" ? "entries" : "items"}":[${text}]`);
  }

  #error(error: object, depth: number, here: Ancestor): string {
    const stack = this.#inspect.errorStack(error);
    const message = this.#inspect.errorMessage(error);
    let text = `,"message":${this.#string(message)}`;
    if (stack !== "") text += `,"stack":${this.#stack(stack, message)}`;
    const cause = getOwnPropertyDescriptor(error, "cause");
    if (depth > 0 && cause !== undefined && hasOwn(cause, "value")) {
      text += `,"cause":${this.#value(cause.value, depth - 1, here)}`;
    }
    const errors = getOwnPropertyDescriptor(error, "errors");
    if (depth > 0 && errors !== undefined && hasOwn(errors, "value")) {
      text += `,"errors":${this.#value(errors.value, depth - 1, here)}`;
    }
    if (depth > 0) text += this.#suppressed(error, depth, here);
    const fields = depth > 0 ? this.#errorFields(error, depth - 1, here) : "";
    if (fields !== "") text += `,"fields":{${fields}}`;
    return this.#tag(this.#inspect.errorName(error), text);
  }

  /** The errors of a `SuppressedError`: the newer one, and the one that it hides. */
  #suppressed(error: object, depth: number, here: Ancestor): string {
    const hidden = getOwnPropertyDescriptor(error, "suppressed");
    const newer = hidden === undefined ? undefined : getOwnPropertyDescriptor(error, "error");
    if (hidden === undefined || newer === undefined) return "";
    const shown = this.#member(newer, depth - 1, here);
    return `,"error":${shown},"suppressed":${this.#member(hidden, depth - 1, here)}`;
  }

  /** A library's own fields, those first that tell most: a code, a status, then the response. */
  #errorFields(error: object, depth: number, here: Ancestor): string {
    const hides = getOwnPropertyDescriptor(error, "suppressed") !== undefined;
    const isOwn = (key: string): boolean =>
      !isOfEveryError(key) && !(hides && (key === "error" || key === "suppressed"));
    if (!hasKey(this.#inspect.keysOf(error), isOwn)) return "";
    const add = (text: string, isWanted: (key: string, value: unknown) => boolean): string =>
      text +
      this.#ownFields(error, depth, here, (key, value) => isOwn(key) && isWanted(key, value), text === "");
    let text = add("", (_, value) => isPrimitive(value));
    text = add(text, (key, value) => !isPrimitive(value) && key === "response");
    return add(text, (key, value) => !isPrimitive(value) && key !== "response");
  }

  /** Shortens a stack by its header, which repeats the message, before its frames. Always a string. */
  #stack(stack: string, message: string): string {
    const most = max(0, min(max(this.#limits.string, MIN_STACK), this.#left));
    if (stack.length <= most) return this.#spend(quote(stack));
    this.truncated = true;
    const frames = find(stack, FIRST_FRAME, min(message.length, stack.length));
    if (frames <= STACK_HEADER) return this.#spend(quote(cut(stack, most)));
    return this.#spend(quote(cut(`${cut(stack, STACK_HEADER)}…${tail(stack, frames)}`, most)));
  }

  #deep(object: object, kind: Kind): string {
    this.truncated = true;
    const name = this.#inspect.classOf(object) || (kind === "array" ? "Array" : "Object");
    return this.#spend(`${DEEP},"class":${quote(name)}}`);
  }

  #string(value: string): string {
    const most = max(0, min(this.#limits.string, this.#left));
    if (value.length <= most) return this.#spend(quote(value));
    this.truncated = true;
    const text = `{"$":"string","value":${quote(cut(value, most))},"length":${value.length}}`;
    return this.#spend(text);
  }

  #bigint(value: bigint): string {
    // Writing out a bigint is quadratic in its size; past 64 bits more digits tell little.
    const small = value < 1n << 256n && value > -(1n << 256n);
    return this.#spend(
      `{"$":"bigint","value":"${small ? apply(bigintText, value, NONE) : "more than 256 bits"}"}`,
    );
  }

  #named(fn: object): string {
    const name = this.#inspect.functionName(fn);
    return name === "" ? "" : `,"name":${quote(name)}`;
  }

  /** The contents of `rest` have been counted, except the names in it. */
  #tag(name: string, rest: string): string {
    return this.#spend(`{"$":${quote(name)}${rest}}`, 24 + name.length);
  }

  #member(descriptor: PropertyDescriptor, depth: number, here: Ancestor): string {
    return hasOwn(descriptor, "value")
      ? this.#value(descriptor.value, depth, here)
      : this.#spend('{"$":"getter"}');
  }

  #checkTime(): void {
    const now = nowMillis();
    if (this.#deadline === 0) this.#deadline = now + this.#limits.millis;
    else if (now > this.#deadline) this.#left = 0;
  }

  #cut(): string {
    this.truncated = true;
    return CUT;
  }

  /** Counts `text`, and a comma, against the budget; parts already counted are counted once by giving their own `cost`. */
  #spend(text: string, cost = text.length): string {
    this.#left -= cost + 1;
    return text;
  }
}

function hasKey(keys: (string | symbol)[], isWanted: (key: string) => boolean): boolean {
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    if (typeof key === "string" && isWanted(key)) return true;
  }
  return false;
}

/** Properties of errors that are shown as such, or as the error itself. */
function isOfEveryError(key: string): boolean {
  switch (key) {
    case "stack":
    case "message":
    case "name":
    case "cause":
    case "errors":
      return true;
    default:
      return false;
  }
}
