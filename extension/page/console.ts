/**
 * Stand-ins for the methods of `console`: each records its call, then calls the page's own.
 *
 * The page's method gets the same `this` and arguments, whatever recording does: a failure of ours is swallowed,
 * a call from within our own code passes through unrecorded. What a method cost before it costs a few µs more.
 */

import type { HookConfig } from "../channel.ts";
import type { Inspector } from "./inspect.ts";
import type { Mask } from "./mask.ts";
import { apply, nowMicros, quote, read, stackAbove } from "./natives.ts";
import type { Outbox } from "./outbox.ts";
import { type Limits, Preview } from "./preview.ts";
import { messageText } from "./text.ts";

export const METHODS = [
  "log",
  "info",
  "warn",
  "error",
  "debug",
  "trace",
  "assert",
  "table",
  "dir",
  "dirxml",
  "clear",
  "count",
  "countReset",
  "group",
  "groupCollapsed",
  "groupEnd",
  "time",
  "timeLog",
  "timeEnd",
] as const;
export type Method = (typeof METHODS)[number];

type Callable = (...args: never[]) => unknown;

/** Stack frames come with these at `standard`, with every method at `verbose`: finding them costs more than the rest. */
function wantsStack(method: Method, level: HookConfig["console"]): boolean {
  if (level === "minimal") return false;
  if (level !== "standard") return true;
  return method === "warn" || method === "error" || method === "trace" || method === "assert";
}

const MINIMAL_TEXT = 120;
/** Labels counted and timed at once; a page that makes labels up does not make this grow. */
const MAX_LABELS = 256;
const { get, set, delete: remove } = Map.prototype;
const size = Object.getOwnPropertyDescriptor(Map.prototype, "size")?.get ?? null;

export function limitsOf(config: HookConfig): Limits {
  return config.console === "standard"
    ? { depth: 3, width: 30, string: 2_000, total: minimum(16_000, config.max_event_bytes), millis: 4 }
    : { depth: 6, width: 200, string: 64_000, total: minimum(256_000, config.max_event_bytes), millis: 16 };
}

function minimum(a: number, b: number): number {
  return a < b ? a : b;
}

export class ConsoleHook {
  readonly #inspect: Inspector;
  readonly #outbox: Outbox;
  #config: HookConfig;
  #limits: Limits;
  #inside = false;
  #depth = 0;
  readonly #counts = new Map<string, number>();
  readonly #timers = new Map<string, number>();

  constructor(inspect: Inspector, outbox: Outbox, config: HookConfig) {
    this.#inspect = inspect;
    this.#outbox = outbox;
    this.#config = config;
    this.#limits = limitsOf(config);
  }

  configure(config: HookConfig): void {
    this.#config = config;
    this.#limits = limitsOf(config);
  }

  /** Puts the stand-ins in place; the answer takes them away where the page has not replaced them since. */
  install(mask: Mask, owner: object): (() => void) | null {
    let undoAll: (() => void) | null = null;
    for (let at = 0; at < METHODS.length; at++) {
      const method = METHODS[at] as Method;
      const undo = mask.replace(owner, method, (original) => this.#standIn(method, original));
      if (undo === null) continue;
      const before = undoAll;
      undoAll = () => {
        before?.();
        undo();
      };
    }
    return undoAll;
  }

  #standIn(method: Method, original: Callable): Callable {
    const record = (args: ArrayLike<unknown>, above: Callable): void => this.#record(method, args, above);
    const { standIn } = {
      standIn(this: unknown, ...args: unknown[]): unknown {
        record(args, standIn as Callable);
        return apply(original, this, args as never);
      },
    };
    return standIn as Callable;
  }

  #record(method: Method, args: ArrayLike<unknown>, above: Callable): void {
    if (this.#inside || this.#config.console === "off") return;
    this.#inside = true;
    try {
      if (method === "assert" && args.length > 0 && args[0]) return;
      this.#publish(method, args, above);
    } catch {
      // A stack overflow of the page that happens to strike here is the page's to notice, in its own call.
      this.#outbox.lose();
    } finally {
      this.#inside = false;
    }
  }

  #publish(method: Method, args: ArrayLike<unknown>, above: Callable): void {
    const ts = nowMicros();
    const level = this.#config.console as "minimal" | "standard" | "verbose" | "raw";
    let truncated = false;
    const extra = this.#ownState(method, args, ts);
    let data = `{"text":${quote(messageText(this.#inspect, method === "assert" ? afterFirst(args) : args, level === "minimal" ? MINIMAL_TEXT : undefined))}`;
    if (level !== "minimal") {
      if (needsPreview(args)) {
        const preview = new Preview(this.#inspect, this.#limits);
        let list = "";
        for (let at = method === "assert" ? 1 : 0; at < args.length; at++) {
          list += `${list === "" ? "" : ","}${preview.json(args[at])}`;
        }
        data += `,"args":[${list}]`;
        truncated = preview.truncated;
      }
      if (wantsStack(method, level)) {
        const stack = stackAbove(above);
        if (stack !== "") data += `,"stack":${quote(stack)}`;
      }
      data += extra;
    }
    if (this.#depth > 0) data += `,"group_depth":${this.#depth}`;
    if (method === "group" || method === "groupCollapsed") this.#depth++;
    this.#outbox.put(
      ts,
      `console.${snake(method)}`,
      "console",
      `console.${method}`,
      level,
      `${data}}`,
      truncated,
      method === "error",
    );
  }

  /** What the page's console keeps between calls, kept here too: counts, running timers, depth of groups. */
  #ownState(method: Method, args: ArrayLike<unknown>, ts: number): string {
    switch (method) {
      case "groupEnd":
        if (this.#depth > 0) this.#depth--;
        return "";
      case "count": {
        const label = labelOf(args);
        const count = (numberIn(this.#counts, label) ?? 0) + 1;
        store(this.#counts, label, count);
        return `,"label":${quote(label)},"count":${count}`;
      }
      case "countReset":
        apply(remove, this.#counts, [labelOf(args)]);
        return `,"label":${quote(labelOf(args))}`;
      case "time":
        store(this.#timers, labelOf(args), ts);
        return `,"label":${quote(labelOf(args))}`;
      case "timeLog":
      case "timeEnd": {
        const label = labelOf(args);
        const start = numberIn(this.#timers, label);
        if (method === "timeEnd") apply(remove, this.#timers, [label]);
        return `,"label":${quote(label)}${start === undefined ? "" : `,"elapsed_ms":${(ts - start) / 1000}`}`;
      }
      default:
        return "";
    }
  }
}

/** `args` repeats `text` when all of them are primitives: it is left out then. */
function needsPreview(args: ArrayLike<unknown>): boolean {
  for (let at = 0; at < args.length; at++) {
    const value = args[at];
    if ((typeof value === "object" && value !== null) || typeof value === "function") return true;
    if (typeof value === "string" && value.length > 2_000) return true;
  }
  return false;
}

function afterFirst(args: ArrayLike<unknown>): ArrayLike<unknown> {
  const rest = { __proto__: null, length: args.length > 0 ? args.length - 1 : 0 } as unknown as Record<
    number,
    unknown
  > & { length: number };
  for (let at = 1; at < args.length; at++) rest[at - 1] = args[at];
  return rest;
}

function labelOf(args: ArrayLike<unknown>): string {
  // Beyond its length an array would answer with the page's Array.prototype.
  const label = args.length > 0 ? args[0] : undefined;
  return typeof label === "string" ? label : typeof label === "number" ? `${label}` : "default";
}

function numberIn(map: Map<string, number>, label: string): number | undefined {
  return apply(get, map, [label]) as number | undefined;
}

function store(map: Map<string, number>, label: string, value: number): void {
  if ((read(size, map) as number) < MAX_LABELS) apply(set, map, [label, value]);
}

/** `groupCollapsed` → `group_collapsed`: types are lower case. */
function snake(method: Method): string {
  switch (method) {
    case "groupCollapsed":
      return "group_collapsed";
    case "groupEnd":
      return "group_end";
    case "countReset":
      return "count_reset";
    case "timeLog":
      return "time_log";
    case "timeEnd":
      return "time_end";
    default:
      return method;
  }
}
