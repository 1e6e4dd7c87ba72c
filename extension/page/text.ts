/**
 * Tells the core how to put together the line that a console prints of its arguments.
 *
 * The arguments cross as previews, and in place of their text a list of JSON: literals, indexes of arguments, and what
 * represents an argument (see `src/console/mod.rs`). The core replaces secrets in the arguments first and writes the
 * text from what is left, so that neither shows what the other hides. Code of the page is never run.
 */

import type { Inspector } from "./inspect.ts";
import { apply, bigintText, cut, NONE, quote, symbolText, tail } from "./language.ts";

export const MAX_TEXT = 8192;
/** More cannot be shown, and less would not tell that there was more. */
const ENOUGH = MAX_TEXT + 1;
const MAX_QUOTED = 100;

/** The letters of directives. It has no prototype, because a page may add to Object.prototype. */
const DIRECTIVES = { __proto__: null, s: 1, d: 1, i: 1, f: 1, o: 1, O: 1, c: 1 };

const { parseInt: toInteger, parseFloat: toFloat } = Number;
const { slice } = String.prototype;

/** The arguments as they are recorded, as far as the text depends on it. */
export interface Shown {
  /** How many arguments are recorded. */
  readonly count: number;
  /** Whether the argument, a string, is recorded with all its characters. */
  isWhole(index: number): boolean;
  /** The beginning of what an array is as a string, without running code of the page; null for what is no array. */
  arrayText(value: unknown): string | null;
}

/** The parts of one text, as JSON without brackets. */
export class TextParts {
  json = "";
  /** Characters that the text has at least. */
  #length = 0;
  readonly #args: ArrayLike<unknown>;
  readonly #first: number;
  readonly #shown: Shown;
  readonly #max: number;

  /** At most `max` characters of strings. Arguments are counted from `first`, as in `shown`. */
  constructor(args: ArrayLike<unknown>, first: number, shown: Shown, max = ENOUGH) {
    this.#args = args;
    this.#first = first;
    this.#shown = shown;
    this.#max = max < ENOUGH ? max : ENOUGH;
  }

  /** Adds the text that `console.log` prints for the arguments. */
  message(): void {
    const args = this.#args;
    const first = this.#first;
    // Beyond its length an array would answer with the page's Array.prototype.
    const format = args.length > first + 1 ? args[first] : undefined;
    if (typeof format === "string") this.list(this.#format(cut(format, ENOUGH), first + 1), true);
    else this.list(first, false);
  }

  /** The arguments from `from` on, a space between them. */
  list(from: number, spaceFirst: boolean): void {
    for (let at = from; at < this.#args.length && this.#length < this.#max; at++) {
      if (spaceFirst || at > from) this.literal(" ");
      this.#argument(at, true);
    }
  }

  literal(text: string): void {
    if (text !== "") this.#add(quote(this.#room(text)), text.length);
  }

  #format(format: string, first: number): number {
    let used = first;
    let from = 0;
    for (let at = 0; at < format.length - 1; at++) {
      if (format[at] !== "%") continue;
      const letter = format[at + 1] as string;
      if (letter !== "%" && (used >= this.#args.length || !(letter in DIRECTIVES))) continue;
      // A doubled sign is one sign of the literal before it.
      this.literal(apply(slice, format, [from, letter === "%" ? at + 1 : at]));
      if (letter !== "%") this.#directive(letter, used++);
      from = at + 2;
      at++;
    }
    this.literal(tail(format, from));
    return used;
  }

  #directive(letter: string, at: number): void {
    const value = this.#args[at];
    switch (letter) {
      case "c":
        return;
      case "d":
      case "i":
        this.#instead(at, numberText(toInteger(this.#numeric(value), 10)));
        return;
      case "f":
        this.#instead(at, numberText(toFloat(this.#numeric(value))));
        return;
      default:
        this.#argument(at, letter === "s");
    }
  }

  /** The string that the browser reads a number from; empty for other values and for those that run the page's code. */
  #numeric(value: unknown): string {
    if (!isPrimitive(value)) return this.#shown.arrayText(value) ?? "";
    return stringOf(value);
  }

  /** `bare` strings are printed without quotes, as a console does with its arguments. */
  #argument(at: number, bare: boolean): void {
    const value = this.#args[at];
    const index = at - this.#first;
    const recorded = index < this.#shown.count;
    if (typeof value === "string") {
      if (recorded && this.#shown.isWhole(index)) {
        this.#add(bare ? `${index}` : `[${index}]`, value.length);
      } else {
        this.#instead(at, bare ? value : `'${shorten(value)}'`);
      }
    } else if (recorded) {
      this.#add(`${index}`, 2);
    } else {
      this.#instead(at, isPrimitive(value) ? primitiveText(value) : "…");
    }
  }

  /** The text that represents an argument. */
  #instead(at: number, text: string): void {
    this.#add(`[${at - this.#first},${quote(this.#room(text))}]`, text.length);
  }

  #room(text: string): string {
    return cut(text, this.#max > this.#length ? this.#max - this.#length : 0);
  }

  #add(json: string, length: number): void {
    this.json += this.json === "" ? json : `,${json}`;
    this.#length += length;
  }
}

export function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== "object" && typeof value !== "function");
}

function numberText(value: number): string {
  return value === 0 && 1 / value < 0 ? "-0" : `${value}`;
}

/** A primitive as a string; empty for a symbol. A huge bigint is left out, as writing it takes too long. */
export function stringOf(value: unknown): string {
  switch (typeof value) {
    case "symbol":
      return "";
    case "bigint":
      return isWritable(value) ? apply(bigintText, value, NONE) : "";
    default:
      return `${value}`;
  }
}

function isWritable(value: bigint): boolean {
  return value < 1n << 256n && value > -(1n << 256n);
}

/** A primitive as a console prints it. */
export function primitiveText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return cut(value, ENOUGH);
    case "number":
      return numberText(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return isWritable(value) ? `${stringOf(value)}n` : "bigint";
    case "symbol":
      return cut(apply(symbolText, value, NONE), MAX_QUOTED);
    default:
      return value === null ? "null" : "undefined";
  }
}

/** The text of a label. Of an object only its class: what it contains might be a secret. */
export function labelText(inspect: Inspector, value: unknown): string {
  if (typeof value === "function") return `ƒ ${inspect.functionName(value)}`;
  if (isPrimitive(value)) return primitiveText(value);
  const kind = inspect.kindOf(value as object);
  const name = kind === "closed" || kind === "cross_origin" ? "" : inspect.classOf(value as object);
  return `[object ${name || "Object"}]`;
}

function shorten(text: string): string {
  return text.length <= MAX_QUOTED ? text : `${cut(text, MAX_QUOTED)}…`;
}
