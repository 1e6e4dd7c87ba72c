/**
 * Stand-ins for the methods of `console`: each records its call, then calls the page's own.
 *
 * The page's method gets the same `this` and arguments, whatever recording does: a failure of ours is swallowed,
 * a call from within our own code passes through unrecorded. What a method cost before it costs a few µs more.
 */

import type { HookConfig } from "../channel.ts";
import { fits, LEAST_PART, shrink } from "./budget.ts";
import type { Inspector } from "./inspect.ts";
import { type Limits, limitsOf, within } from "./limits.ts";
import type { Mask } from "./mask.ts";
import { apply, cut, cutToBytes, descriptorOf, hasOwn, nowMicros, quote, stackAbove } from "./natives.ts";
import type { Outbox } from "./outbox.ts";
import { Preview } from "./preview.ts";
import { ConsoleState } from "./state.ts";
import { MAX_TEXT, messageText } from "./text.ts";

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
/** Characters; enough for 100 frames, while the names of scripts may be as long as a `data:` address. */
const MAX_STACK = 16_384;

export class ConsoleHook {
  /** False when calls go by unseen: a page that was there first has frozen its console, or made its own. */
  complete = true;
  readonly #inspect: Inspector;
  readonly #outbox: Outbox;
  #config: HookConfig;
  #limits: Limits;
  #inside = false;
  /** Whether the preview made last left something out. */
  #cut = false;
  readonly #state: ConsoleState;

  constructor(inspect: Inspector, outbox: Outbox, config: HookConfig) {
    this.#inspect = inspect;
    this.#outbox = outbox;
    this.#state = new ConsoleState(inspect);
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
      if (undo === null) {
        if (isCallable(owner, method)) this.complete = false;
        continue;
      }
      const before = undoAll;
      undoAll = () => {
        before?.();
        undo();
      };
    }
    if (undoAll === null) this.complete = false;
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
      this.#inspect.forget();
      this.#inside = false;
    }
  }

  #publish(method: Method, args: ArrayLike<unknown>, above: Callable): void {
    const ts = nowMicros();
    const level = this.#config.console as "minimal" | "standard" | "verbose" | "raw";
    const max = this.#config.max_event_bytes;
    const first = method === "assert" && args.length > 0 ? 1 : 0;
    const said = this.#state.after(method, args, ts);
    const whole =
      said?.text ?? (args.length > first ? messageText(this.#inspect, args, first) : silent(method));
    const text = cut(whole, level === "minimal" ? MINIMAL_TEXT : MAX_TEXT);
    const wholeStack = wantsStack(method, level) ? stackAbove(above) : "";
    const stack = cut(wholeStack, MAX_STACK);
    const previewed = level !== "minimal" && needsPreview(args);
    let truncated =
      level !== "minimal" &&
      (whole.length > MAX_TEXT || wholeStack.length > MAX_STACK || said?.labelCut === true);

    const content: Content = { level, text, args, first, previewed, stack, fields: said?.fields ?? "" };
    let data = this.#json(content, this.#limits, max);
    if (!fits(data, max)) {
      truncated = true;
      data = shrink(max, (part) => this.#json(content, within(this.#limits, part), part));
    }
    truncated ||= this.#cut;
    if (method === "group" || method === "groupCollapsed") this.#state.depth++;
    this.#outbox.put(
      ts,
      `console.${snake(method)}`,
      "console",
      `console.${method}`,
      level,
      data,
      truncated,
      method === "error",
    );
  }

  /** `data` of an event, with so many bytes for each of its parts. */
  #json(
    { level, text, args, first, previewed, stack, fields }: Content,
    limits: Limits,
    part: number,
  ): string {
    this.#cut = false;
    let json = `{"text":${quote(cutToBytes(text, part))}`;
    if (this.#state.depth > 0) json += `,"group_depth":${this.#state.depth}`;
    if (level === "minimal" || part < LEAST_PART) return `${json}}`;
    if (previewed) {
      const preview = new Preview(this.#inspect, limits);
      json += `,"args":[${preview.list(args, first)}]`;
      this.#cut = preview.truncated;
    }
    if (stack !== "") json += `,"stack":${quote(cutToBytes(stack, part))}`;
    return `${json}${fields}}`;
  }
}

function isCallable(owner: object, method: Method): boolean {
  const descriptor = descriptorOf(owner, method);
  return descriptor !== undefined && (typeof descriptor.value === "function" || !hasOwn(descriptor, "value"));
}

/** What goes into one event. */
interface Content {
  level: HookConfig["console"];
  text: string;
  args: ArrayLike<unknown>;
  /** Of the arguments, the first that is shown. */
  first: number;
  previewed: boolean;
  stack: string;
  fields: string;
}

/** What the browser prints of a call without arguments. */
function silent(method: Method): string {
  return method === "trace" || method === "group" || method === "groupCollapsed" || method === "assert"
    ? `console.${method}`
    : "";
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
