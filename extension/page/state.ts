/**
 * The state of a console between calls: counts, running timers, the number of open groups.
 *
 * The browser keeps its own and gives no access to it, so it is kept here a second time, as the browser does it. Labels
 * that are too long or too many are not kept: then neither a count nor a time is recorded.
 */

import type { Inspector } from "./inspect.ts";
import { apply, bigintText, cut, NONE, quote, read } from "./natives.ts";
import { labelText } from "./text.ts";

/** Labels counted and timed at once; a page that makes labels up does not make this grow. */
const MAX_LABELS = 256;
const MAX_LABEL = 1_024;

const { get, set, has, delete: remove } = Map.prototype;
const size = Object.getOwnPropertyDescriptor(Map.prototype, "size")?.get ?? null;

export interface ConsoleCall {
  /** The text of the call; the arguments from `rest` on follow. */
  text: string;
  rest: number;
  /** As JSON, each with a comma in front. */
  fields: string;
  /** Whether the label is longer than its recorded part. */
  labelCut: boolean;
}

export class ConsoleState {
  /** Groups that are open. */
  depth = 0;
  readonly #inspect: Inspector;
  readonly #counts = new Map<string, number>();
  readonly #timers = new Map<string, number>();

  constructor(inspect: Inspector) {
    this.#inspect = inspect;
  }

  /** Null for calls whose text is that of their arguments. */
  after(method: string, args: ArrayLike<unknown>, ts: number): ConsoleCall | null {
    switch (method) {
      case "groupEnd":
        if (this.depth > 0) this.depth--;
        return null;
      case "count":
      case "countReset":
      case "time":
      case "timeLog":
      case "timeEnd":
        return this.#labelled(method, this.#labelOf(args), args, ts);
      default:
        return null;
    }
  }

  #labelled(method: string, label: string, args: ArrayLike<unknown>, ts: number): ConsoleCall {
    const shown = cut(label, MAX_LABEL);
    const said: ConsoleCall = {
      text: shown,
      rest: args.length,
      fields: `,"label":${quote(shown)}`,
      labelCut: label.length > MAX_LABEL,
    };
    const map = method === "count" || method === "countReset" ? this.#counts : this.#timers;
    const known = apply(has, map, [label]) as boolean;
    if (!known && (label.length > MAX_LABEL || (read(size, map) as number) >= MAX_LABELS)) return said;
    const value = apply(get, map, [label]) as number;
    switch (method) {
      case "count": {
        const count = known ? value + 1 : 1;
        apply(set, map, [label, count]);
        said.text = `${label}: ${count}`;
        said.fields += `,"count":${count}`;
        break;
      }
      case "countReset":
        // As in the browser, which counts from 0 again and keeps the label.
        if (known) apply(set, map, [label, 0]);
        else said.text = `Count for '${label}' does not exist`;
        break;
      case "time":
        if (known) said.text = `Timer '${label}' already exists`;
        else apply(set, map, [label, ts]);
        break;
      default:
        if (!known) {
          said.text = `Timer '${label}' does not exist`;
          break;
        }
        if (method === "timeEnd") apply(remove, map, [label]);
        said.text = `${label}: ${(ts - value) / 1000} ms`;
        said.rest = 1;
        said.fields += `,"elapsed_ms":${(ts - value) / 1000}`;
    }
    return said;
  }

  /** As a string, without asking an object for one: that would run code of the page. */
  #labelOf(args: ArrayLike<unknown>): string {
    // Beyond its length an array would answer with the page's Array.prototype.
    const label = args.length > 0 ? args[0] : undefined;
    switch (typeof label) {
      case "undefined":
        return "default";
      case "string":
        return label;
      case "bigint":
        return apply(bigintText, label, NONE);
      default:
        return labelText(this.#inspect, label);
    }
  }
}
