/**
 * One line a person can read of what a page logged: formats applied, objects in the short form of a console.
 *
 * Longer than `MAX_TEXT` by one character where it is cut, so that whoever shows it can tell; never deeper than two
 * objects, never runs code of the page.
 */

import type { Inspector } from "./inspect.ts";
import {
  apply,
  bigintText,
  cut,
  getOwnPropertyDescriptor,
  hasOwn,
  min,
  NONE,
  symbolText,
  tail,
  trunc,
} from "./natives.ts";

export const MAX_TEXT = 8192;
/** More cannot be shown, and less would not tell that there was more. */
const ENOUGH = MAX_TEXT + 1;
const MAX_NESTED_TEXT = 100;
const MAX_ITEMS = 5;
const MAX_ARRAY_ITEMS = 10;
/** Keys that are looked at to find so many that are enumerable. */
const MAX_KEYS = 1_000;

const { parseInt: toInteger, parseFloat: toFloat } = Number;

/** What `console.log` would print of the arguments from `first` on. */
export function messageText(inspect: Inspector, args: ArrayLike<unknown>, first = 0): string {
  // Beyond its length an array would answer with the page's Array.prototype.
  const format = args.length > first + 1 ? args[first] : undefined;
  if (typeof format === "string") {
    const { text, used } = applyFormat(inspect, cut(format, ENOUGH), args, first + 1);
    return cut(text + listText(inspect, args, used, ENOUGH - text.length), ENOUGH);
  }
  if (args.length <= first) return "";
  const text = valueText(inspect, args[first], 2, true);
  if (args.length === first + 1) return cut(text, ENOUGH);
  return cut(text + listText(inspect, args, first + 1, ENOUGH - text.length), ENOUGH);
}

/** The arguments from `first` on, a space before each. */
export function listText(
  inspect: Inspector,
  args: ArrayLike<unknown>,
  first: number,
  maxLength = ENOUGH,
): string {
  let text = "";
  for (let at = first; at < args.length && text.length < maxLength; at++) {
    text += ` ${valueText(inspect, args[at], 2, true)}`;
  }
  return text;
}

function applyFormat(
  inspect: Inspector,
  format: string,
  args: ArrayLike<unknown>,
  first: number,
): { text: string; used: number } {
  let text = "";
  let used = first;
  let from = 0;
  for (let at = 0; at < format.length - 1; at++) {
    if (format[at] !== "%") continue;
    const letter = format[at + 1] as string;
    let piece: string;
    if (letter === "%") piece = "%";
    else if (used >= args.length || !isDirective(letter)) continue;
    else piece = directive(inspect, letter, args[used++]);
    text += between(format, from, at) + piece;
    from = at + 2;
    at++;
  }
  return { text: text + tail(format, from), used };
}

function isDirective(letter: string): boolean {
  return (
    letter === "s" ||
    letter === "d" ||
    letter === "i" ||
    letter === "f" ||
    letter === "o" ||
    letter === "O" ||
    letter === "c"
  );
}

function directive(inspect: Inspector, letter: string, value: unknown): string {
  switch (letter) {
    case "c":
      return "";
    case "d":
    case "i":
      return typeof value === "number"
        ? `${trunc(value)}`
        : typeof value === "string"
          ? `${toInteger(value)}`
          : "NaN";
    case "f":
      return typeof value === "number" || typeof value === "string" ? `${toFloat(value as string)}` : "NaN";
    default:
      return valueText(inspect, value, 2, letter === "s");
  }
}

/** `bare` strings are printed without quotes, as a console does with its arguments. */
export function valueText(inspect: Inspector, value: unknown, depth: number, bare: boolean): string {
  switch (typeof value) {
    case "string":
      return bare ? cut(value, ENOUGH) : `'${shorten(value, MAX_NESTED_TEXT)}'`;
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
    case "boolean":
      return value ? "true" : "false";
    case "undefined":
      return "undefined";
    case "bigint":
      return value < 1n << 256n && value > -(1n << 256n) ? `${apply(bigintText, value, NONE)}n` : "bigint";
    case "symbol":
      return cut(apply(symbolText, value, NONE), MAX_NESTED_TEXT);
    case "function":
      return `ƒ ${inspect.functionName(value)}`;
    default:
      return value === null ? "null" : objectText(inspect, value as object, depth);
  }
}

function objectText(inspect: Inspector, object: object, depth: number): string {
  const kind = inspect.kindOf(object);
  switch (kind) {
    case "error": {
      const message = inspect.errorMessage(object);
      return message === ""
        ? inspect.errorName(object)
        : `${inspect.errorName(object)}: ${shorten(message, 2048)}`;
    }
    case "date":
      return inspect.dateText(object);
    case "regexp":
      return shorten(inspect.regexpText(object), MAX_NESTED_TEXT);
    case "node":
      return `<${inspect.nodeText(object)}>`;
    case "map":
      return `Map(${inspect.mapSize(object)})`;
    case "set":
      return `Set(${inspect.setSize(object)})`;
    case "typed_array":
      return `${inspect.classOf(object)}(${inspect.typedLength(object)})`;
    case "array_buffer":
      return `ArrayBuffer(${inspect.byteLength(object)})`;
    case "event":
      return `${inspect.classOf(object)} {type: '${inspect.eventType(object)}'}`;
    case "promise":
      return "Promise {}";
    case "closed":
      return "Object {…}";
    case "cross_origin":
      return `${inspect.crossOriginClass(object)} (cross-origin)`;
    case "proxy": {
      const target = inspect.targetOf(object);
      return target === undefined || typeof target === "function" || depth === 0
        ? "Proxy {…}"
        : `Proxy ${objectText(inspect, target, depth - 1)}`;
    }
    case "array":
      return arrayText(inspect, object as unknown[], depth);
    default:
      return propertiesText(inspect, object, depth);
  }
}

function arrayText(inspect: Inspector, array: unknown[], depth: number): string {
  const { length } = array;
  if (depth === 0) return `Array(${length})`;
  const shown = min(length, MAX_ARRAY_ITEMS);
  let text = "";
  for (let at = 0; at < shown; at++) {
    const descriptor = getOwnPropertyDescriptor(array, `${at}`);
    text += at === 0 ? "" : ", ";
    text += descriptor === undefined ? "empty" : memberText(inspect, descriptor, depth);
  }
  return shown < length ? `(${length}) [${text}, …]` : `[${text}]`;
}

function propertiesText(inspect: Inspector, object: object, depth: number): string {
  const name = inspect.classOf(object);
  const prefix = name === "" ? "" : `${name} `;
  if (depth === 0) return `${prefix}{…}`;
  const keys = inspect.keysOf(object);
  let text = "";
  let shown = 0;
  for (let at = 0; at < keys.length; at++) {
    if (at === MAX_KEYS) {
      text += text === "" ? "…" : ", …";
      break;
    }
    const key = keys[at] as string | symbol;
    const descriptor = getOwnPropertyDescriptor(object, key);
    if (descriptor === undefined || !descriptor.enumerable) continue;
    if (shown++ === MAX_ITEMS) {
      text += ", …";
      break;
    }
    const shownKey = typeof key === "symbol" ? apply(symbolText, key, NONE) : key;
    text += `${text === "" ? "" : ", "}${shorten(shownKey, MAX_NESTED_TEXT)}: ${memberText(inspect, descriptor, depth)}`;
  }
  return `${prefix}{${text}}`;
}

function memberText(inspect: Inspector, descriptor: PropertyDescriptor, depth: number): string {
  return hasOwn(descriptor, "value") ? valueText(inspect, descriptor.value, depth - 1, false) : "(...)";
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${cut(text, length)}…`;
}

const { slice } = String.prototype;

function between(text: string, from: number, to: number): string {
  return apply(slice, text, [from, to]);
}
