/**
 * Any value as JSON, within a budget, without running code of the page.
 *
 * Values of JSON stay themselves: `"a"`, `1`, `[1,2]`, `{"a":1}`. Everything else is an object whose `$` names it:
 * `{"$":"Map","size":2,"entries":[…]}`, `{"$":"TypeError","message":…,"stack":…}`, `{"$":"undefined"}`. An
 * object of a class, or a truncated one, is `{"$":"Point","props":{…},"more":3}`; a key named `$` gets the same form.
 * A getter is `{"$":"getter"}`, an ancestor `{"$":"circular"}`, what the budget left out `{"$":"cut"}`.
 */

import type { Inspector, Kind } from "./inspect.ts";
import { JsonBudget } from "./json_budget.ts";
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
  min,
  NONE,
  ownValue,
  quote,
  symbolText,
} from "./natives.ts";
import { type Ancestor, errorJson, type IsWanted, type ValueWriter } from "./preview_error.ts";
import { isPrimitive, stringOf } from "./text.ts";

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
const DEEP = '{"$":"deep"';

export class Preview implements ValueWriter {
  /** Arguments in the list. */
  count = 0;
  /** Indexes of strings that are truncated, each between commas: an array would ask the page's prototypes. */
  #partial = "";
  readonly #inspect: Inspector;
  readonly #out: JsonBudget;

  constructor(inspect: Inspector, limits: Limits) {
    this.#inspect = inspect;
    this.#out = new JsonBudget(limits);
  }

  /** True when anything was left out. */
  get truncated(): boolean {
    return this.#out.truncated;
  }

  json(value: unknown): string {
    return this.value(value, this.#out.limits.depth, null);
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
      const spent = this.#out.isSpent;
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

  value(value: unknown, depth: number, above: Ancestor | null): string {
    this.#out.visit();
    if (this.#out.isSpent) return this.#out.cut();
    switch (typeof value) {
      case "string":
        return this.#out.string(value);
      case "number":
        if (isFiniteNumber(value) && (value !== 0 || 1 / value > 0)) return this.#out.spend(`${value}`);
        return this.#out.spend(`{"$":"number","value":"${value === 0 ? "-0" : value}"}`);
      case "boolean":
        return this.#out.spend(value ? "true" : "false");
      case "undefined":
        return this.#out.spend('{"$":"undefined"}');
      case "bigint":
        return this.#bigint(value);
      case "symbol":
        return `{"$":"symbol","text":${this.#out.string(apply(symbolText, value, NONE))}}`;
      case "function":
        return this.#out.tag(
          this.#inspect.kindOf(value) === "proxy" ? "Proxy" : "function",
          this.#named(value),
        );
      default:
        return value === null ? this.#out.spend("null") : this.#object(value as object, depth, above);
    }
  }

  #object(object: object, depth: number, above: Ancestor | null): string {
    for (let link = above; link !== null; link = link.parent) {
      if (link.object === object) return this.#out.spend('{"$":"circular"}');
    }
    const kind = this.#inspect.kindOf(object);
    const here = { __proto__: null, object, parent: above } as unknown as Ancestor;
    switch (kind) {
      case "error":
        return errorJson(object, depth, here, this.#inspect, this.#out, this);
      case "date":
        return this.#out.tag("Date", `,"value":"${this.#inspect.dateText(object)}"`);
      case "regexp":
        return this.#out.tag("RegExp", `,"value":${this.#out.string(this.#inspect.regexpText(object))}`);
      case "node":
        return this.#out.tag(
          this.#inspect.classOf(object) || "Node",
          `,"node":${this.#out.string(this.#inspect.nodeText(object))}`,
        );
      case "event":
        return this.#event(object, depth, here);
      case "promise":
        return this.#out.tag("Promise", "");
      case "array_buffer":
        return this.#out.tag("ArrayBuffer", `,"byte_length":${this.#inspect.byteLength(object)}`);
      case "closed":
        return this.#out.tag("closed", "");
      case "cross_origin":
        return this.#out.tag(this.#inspect.crossOriginClass(object), ',"cross_origin":true');
      case "proxy": {
        const target = this.#inspect.targetOf(object);
        if (target === undefined || depth === 0) return this.#out.tag("Proxy", "");
        const shown = typeof target === "function" ? '{"$":"function"}' : this.#object(target, depth, here);
        return this.#out.tag("Proxy", `,"target":${shown}`);
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
    const type = `"type":${this.#out.string(this.#inspect.eventType(event))}`;
    if (depth === 0) return this.#out.tag(name, `,${type}`);
    const target = this.#inspect.eventTarget(event);
    const shown = target === null ? "" : `,"target":${this.value(target, depth - 1, here)}`;
    const fields = this.#fields(event, depth - 1, here);
    return this.#out.tag(name, `,"props":{${type}${shown}${fields === "" ? "" : `,${fields}`}}`);
  }

  #platform(object: object, depth: number, here: Ancestor): string {
    const fields = this.#fields(object, depth, here);
    // Properties that the page has added.
    const own = this.ownFields(object, depth, here, () => true, fields === "");
    return this.#wrapped(object, `${fields}${own}`, 0);
  }

  /** The fields of an object of the platform, as JSON without braces. */
  #fields(object: object, depth: number, here: Ancestor): string {
    let text = "";
    this.#inspect.forEachField(object, (name, value) => {
      text += `${text === "" ? "" : ","}${this.#out.spend(`"${name}":`)}${this.value(value, depth, here)}`;
    });
    return text;
  }

  ownFields(object: object, depth: number, here: Ancestor, isWanted: IsWanted, isFirst: boolean): string {
    const keys = this.#inspect.keysOf(object);
    let text = "";
    let shown = 0;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string | symbol;
      if (typeof key === "symbol") continue;
      const descriptor = getOwnPropertyDescriptor(object, key);
      if (descriptor === undefined || !descriptor.enumerable) continue;
      if (!isWanted(key, hasOwn(descriptor, "value") ? descriptor.value : undefined)) continue;
      if (this.#out.isSpent || shown === this.#out.limits.width) {
        this.#out.truncated = true;
        break;
      }
      text += `${isFirst && shown === 0 ? "" : ","}${this.#out.spend(`${quote(cut(key, MAX_KEY))}:`)}`;
      text += this.member(descriptor, depth, here);
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
      if (shown === this.#out.limits.width || this.#out.isSpent) return;
      const item = this.#out.spend(`[${this.#out.string(name)},${this.value(value, depth, here)}]`, 3);
      text += shown === 0 ? item : `,${item}`;
      shown++;
    };
    try {
      apply(pairs[kind] as (visit: unknown) => void, object, [visit]);
    } catch {
      return null;
    }
    if (shown < size) this.#out.truncated = true;
    const name = this.#inspect.classOf(object) || pairNames[kind];
    return this.#out.tag(name, `,"size":${size},"entries":[${text}]`);
  }

  #properties(object: object, depth: number, here: Ancestor): string {
    const keys = this.#inspect.keysOf(object);
    let text = "";
    let shown = 0;
    let tagged = false;
    for (let at = 0; at < keys.length; at++) {
      if ((at & 31) === 31) this.#out.checkTime();
      const key = keys[at] as string | symbol;
      const descriptor = this.#out.isSpent ? undefined : getOwnPropertyDescriptor(object, key);
      if (!this.#out.isSpent && (descriptor === undefined || !descriptor.enumerable)) continue;
      if (descriptor === undefined || shown === this.#out.limits.width) {
        this.#out.truncated = true;
        return this.#wrapped(object, text, keys.length - at);
      }
      const name = typeof key === "symbol" ? apply(symbolText, key, NONE) : key;
      if (name === "$") tagged = true;
      text += `${shown === 0 ? "" : ","}${this.#out.spend(`${quote(cut(name, MAX_KEY))}:`)}`;
      text += this.member(descriptor, depth, here);
      shown++;
    }
    const plain = !tagged && this.#inspect.classOf(object) === "";
    return plain ? `{${text}}` : this.#wrapped(object, text, 0);
  }

  #wrapped(object: object, properties: string, more: number): string {
    const rest = more === 0 ? "" : `,"more":${more}`;
    return this.#out.tag(this.#inspect.classOf(object) || "Object", `,"props":{${properties}}${rest}`);
  }

  #array(array: unknown[], depth: number, here: Ancestor): string {
    const { length } = array;
    const shown = min(length, this.#out.limits.width);
    let text = "";
    let at = 0;
    for (; at < shown && !this.#out.isSpent; at++) {
      const descriptor = getOwnPropertyDescriptor(array, `${at}`);
      const item =
        descriptor === undefined ? this.#out.spend('{"$":"empty"}') : this.member(descriptor, depth, here);
      text += at === 0 ? item : `,${item}`;
    }
    const name = this.#inspect.classOf(array);
    if (at === length && (name === "Array" || name === "")) return `[${text}]`;
    if (at < length) this.#out.truncated = true;
    return this.#out.tag(name || "Array", `,"length":${length},"items":[${text}]`);
  }

  #typedArray(array: ArrayLike<number>): string {
    const name = this.#inspect.classOf(array) || "TypedArray";
    if (name === "DataView") return this.#out.tag(name, "");
    const length = this.#inspect.typedLength(array);
    let text = "";
    const shown = min(length, this.#out.limits.width);
    if (shown < length) this.#out.truncated = true;
    for (let at = 0; at < shown; at++) {
      const item = array[at];
      text += `${at === 0 ? "" : ","}${typeof item === "number" && isFiniteNumber(item) ? item : `"${item}"`}`;
    }
    return this.#out.tag(name, `,"length":${length},"items":[${this.#out.spend(text)}]`);
  }

  #iterated(object: object, kind: "map" | "set", size: number, depth: number, here: Ancestor): string {
    const { start, next } = iteration[kind];
    const iterator = apply(start as () => unknown, object, NONE);
    let text = "";
    let shown = 0;
    for (; shown < this.#out.limits.width && !this.#out.isSpent; shown++) {
      const step = apply(next as () => IteratorResult<unknown>, iterator, NONE);
      if (step.done) break;
      let item: string;
      if (kind === "map") {
        const entry = step.value as [unknown, unknown];
        item = this.#out.spend(
          `[${this.value(entry[0], depth, here)},${this.value(entry[1], depth, here)}]`,
          3,
        );
      } else {
        item = this.value(step.value, depth, here);
      }
      text += shown === 0 ? item : `,${item}`;
    }
    if (shown < size) this.#out.truncated = true;
    const name = this.#inspect.classOf(object) || (kind === "map" ? "Map" : "Set");
    return this.#out.tag(name, `,"size":${size},"${kind === "map" ? "entries" : "items"}":[${text}]`);
  }

  #deep(object: object, kind: Kind): string {
    this.#out.truncated = true;
    const name = this.#inspect.classOf(object) || (kind === "array" ? "Array" : "Object");
    return this.#out.spend(`${DEEP},"class":${quote(name)}}`);
  }

  #bigint(value: bigint): string {
    // Writing out a bigint is quadratic in its size; past 64 bits more digits tell little.
    const small = value < 1n << 256n && value > -(1n << 256n);
    return this.#out.spend(
      `{"$":"bigint","value":"${small ? apply(bigintText, value, NONE) : "more than 256 bits"}"}`,
    );
  }

  #named(fn: object): string {
    const name = this.#inspect.functionName(fn);
    return name === "" ? "" : `,"name":${quote(name)}`;
  }

  member(descriptor: PropertyDescriptor, depth: number, here: Ancestor): string {
    return hasOwn(descriptor, "value")
      ? this.value(descriptor.value, depth, here)
      : this.#out.spend('{"$":"getter"}');
  }
}
