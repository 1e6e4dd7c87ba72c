/**
 * Wrappers of the methods of `console`: each records its call, then calls the page's own.
 *
 * The page's method gets the same `this` and arguments, whatever recording does: a failure of ours is swallowed,
 * a call from within our own code passes through unrecorded. What a method cost before it costs a few µs more.
 */

import { MINIMAL_TEXT } from "../capture.ts";
import type { HookConfig } from "../protocol.ts";
import { fits, LEAST_PART, shrink } from "./budget.ts";
import type { Causes } from "./causes.ts";
import { DetailBudget } from "./detail_budget.ts";
import type { Inspector } from "./inspect.ts";
import { type Limits, limitsOf, limitsOfDetail, limitsOfText, within } from "./limits.ts";
import { both, type Callable, type Mask, type StandIn, type Undo } from "./mask.ts";
import {
  apply,
  cut,
  cutToBytes,
  descriptorOf,
  find,
  hasOwn,
  nowMicros,
  quote,
  stackAbove,
} from "./natives.ts";
import type { Detail, Outbox } from "./outbox.ts";
import { Preview } from "./preview.ts";
import { wantsStack } from "./stacks.ts";
import { type ConsoleCall, ConsoleState } from "./state.ts";
import { isPrimitive, MAX_TEXT, primitiveText, TextParts } from "./text.ts";

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

/** `groupCollapsed` → `group_collapsed`: types are lower case. */
const SNAKE: { [method in Method]?: string } & { __proto__: null } = {
  __proto__: null,
  groupCollapsed: "group_collapsed",
  groupEnd: "group_end",
  countReset: "count_reset",
  timeLog: "time_log",
  timeEnd: "time_end",
};

/** Characters; enough for 100 frames, while the names of scripts may be as long as a `data:` address. */
const MAX_STACK = 16_384;

export class ConsoleHook {
  /** False when calls go by unseen: a page that was there first has frozen its console, or made its own. */
  complete = true;
  readonly #inspect: Inspector;
  readonly #outbox: Outbox;
  readonly #causes: Causes;
  #config: HookConfig;
  #limits: Limits;
  #inside = false;
  /** Whether the preview made last left something out. */
  #cut = false;
  /** The arguments, as JSON, from which the core writes the text of the last event; empty if the event has its text. */
  #textSource = "";
  readonly #state: ConsoleState;
  readonly #detailBudget = new DetailBudget();

  constructor(inspect: Inspector, outbox: Outbox, causes: Causes, config: HookConfig) {
    this.#inspect = inspect;
    this.#outbox = outbox;
    this.#causes = causes;
    this.#state = new ConsoleState(inspect);
    this.#config = config;
    this.#limits = limitsOf(config);
  }

  configure(config: HookConfig): void {
    this.#config = config;
    this.#limits = limitsOf(config);
  }

  /** Puts the wrappers in place; the answer takes them away where the page has not replaced them since. */
  install(mask: Mask, owner: object): Undo | null {
    let undoAll: Undo | null = null;
    for (let at = 0; at < METHODS.length; at++) {
      const method = METHODS[at] as Method;
      const undo = mask.replace(owner, method, this.#standIn(method));
      if (undo === null && isCallable(owner, method)) this.complete = false;
      undoAll = both(undoAll, undo);
    }
    if (undoAll === null) this.complete = false;
    return undoAll;
  }

  #standIn(method: Method): StandIn {
    const standIn: StandIn = (native, self, args) => {
      this.#record(method, args, standIn);
      return apply(native, self, args as never);
    };
    return standIn;
  }

  #record(method: Method, args: ArrayLike<unknown>, above: Callable): void {
    if (this.#inside || this.#config.console === "off") return;
    this.#inside = true;
    try {
      if (method === "assert" && args.length > 0 && args[0]) return;
      this.#publish(method, args, above);
    } catch {
      // A stack overflow of the page that happens to strike here is the page's to notice, in its own call.
      try {
        this.#outbox.lose();
      } catch {
        this.#outbox.lostCalls++;
      }
    } finally {
      // This comes first, because any call may throw when the stack is full.
      this.#inside = false;
      this.#textSource = "";
      this.#inspect.forget();
    }
  }

  #publish(method: Method, args: ArrayLike<unknown>, above: Callable): void {
    const ts = nowMicros();
    const level = this.#config.console as "minimal" | "standard" | "verbose" | "raw";
    const first = method === "assert" && args.length > 0 ? 1 : 0;
    const said = this.#state.after(method, args, ts);
    const whole = plainText(method, args, first, said);
    const wholeStack = wantsStack(method, level) ? stackAbove(above) : "";
    const stack = cut(wholeStack, MAX_STACK);
    const previewed = level !== "minimal" && needsPreview(args, first);
    let truncated =
      level !== "minimal" &&
      ((whole ?? "").length > MAX_TEXT || wholeStack.length > MAX_STACK || said?.labelCut === true);

    const content: Content = { level, whole, said, args, first, previewed, stack };
    const limits = previewed ? this.#limits : limitsOfText(this.#config);
    const made = this.#fitted(content, limits);
    const { data } = made;
    truncated ||= made.truncated;
    const hasDetail = made.truncated && previewed && level === "standard" && this.#config.details;
    const detail = hasDetail ? this.#detailBudget.run(ts, () => this.#detail(content, method, above)) : null;
    if (method === "group" || method === "groupCollapsed") this.#state.depth++;
    this.#outbox.put(
      ts,
      `console.${SNAKE[method] ?? method}`,
      "console",
      `console.${method}`,
      level,
      data,
      truncated,
      method === "error",
      this.#causes.ofLine(args),
      detail,
    );
  }

  /** Returns the data that `verbose` would store of a call. */
  #detail(content: Content, method: Method, above: Callable): Detail {
    const stack =
      content.stack === "" && wantsStack(method, "verbose")
        ? cut(stackAbove(above), MAX_STACK)
        : content.stack;
    return this.#fitted({ ...content, level: "verbose", stack }, limitsOfDetail(this.#config));
  }

  /** `data` of an event, within the bytes that it may have. */
  #fitted(content: Content, limits: Limits): Detail {
    const max = this.#config.max_event_bytes;
    const whole = this.#json(content, limits, max);
    if (fits(whole, max, this.#textSource)) return { data: whole, truncated: this.#cut };
    const data = shrink(
      max,
      (part) => this.#json(content, within(limits, part), part),
      () => this.#textSource,
    );
    return { data, truncated: true };
  }

  /** `data` of an event, with so many bytes for each of its parts. */
  #json(
    { level, whole, said, args, first, previewed, stack }: Content,
    limits: Limits,
    part: number,
  ): string {
    this.#cut = false;
    this.#textSource = "";
    const isSmall = part < LEAST_PART;
    let json =
      whole !== null || isSmall
        ? `{"text":${quote(cutToBytes(cut(whole ?? "", level === "minimal" ? MINIMAL_TEXT : MAX_TEXT), part))}`
        : this.#withParts(args, first, said, previewed, limits, part);
    // A single string that is longer than its text.
    if (whole !== null && previewed && !isSmall) {
      const preview = new Preview(this.#inspect, limits);
      json += `,"args":[${preview.list(args, first)}]`;
      this.#cut = preview.truncated;
    }
    if (this.#state.depth > 0) json += `,"group_depth":${this.#state.depth}`;
    if (level === "minimal" || isSmall) return `${json}}`;
    if (stack !== "") json += `,"stack":${quote(cutToBytes(stack, part))}`;
    return `${json}${said?.fields ?? ""}}`;
  }

  /** The beginning of `data`: the arguments, and how the core puts the text together from them. */
  #withParts(
    args: ArrayLike<unknown>,
    first: number,
    said: ConsoleCall | null,
    previewed: boolean,
    limits: Limits,
    part: number,
  ): string {
    const preview = new Preview(this.#inspect, limits);
    const list = preview.list(args, first);
    const parts = new TextParts(args, first, preview, part);
    if (said === null) {
      parts.message();
    } else {
      parts.literal(said.text);
      parts.list(said.rest, true);
    }
    if (previewed) this.#cut = preview.truncated;
    this.#textSource = list;
    return `{"text":[${parts.json}],"${previewed ? "args" : "text_args"}":[${list}]`;
  }
}

/** The text of a call without arguments or with a single primitive; null for what the core puts together. */
function plainText(
  method: Method,
  args: ArrayLike<unknown>,
  first: number,
  said: ConsoleCall | null,
): string | null {
  if (said !== null) return said.rest >= args.length ? said.text : null;
  if (args.length <= first) return silent(method);
  return args.length === first + 1 && isPrimitive(args[first]) ? primitiveText(args[first]) : null;
}

function isCallable(owner: object, method: Method): boolean {
  const descriptor = descriptorOf(owner, method);
  return descriptor !== undefined && (typeof descriptor.value === "function" || !hasOwn(descriptor, "value"));
}

/** The content of one event. */
interface Content {
  level: HookConfig["console"];
  /** The text; null if the core puts it together from the arguments. */
  whole: string | null;
  said: ConsoleCall | null;
  args: ArrayLike<unknown>;
  /** The index of the first argument that is shown. */
  first: number;
  /** Whether the arguments are stored as well. */
  previewed: boolean;
  stack: string;
}

/** Returns the text that the browser prints for a call without arguments. */
function silent(method: Method): string {
  return method === "trace" || method === "group" || method === "groupCollapsed" || method === "assert"
    ? `console.${method}`
    : "";
}

/** `args` repeats `text` when all of them are primitives: it is left out then, unless it has the styles of a `%c`. */
function needsPreview(args: ArrayLike<unknown>, first: number): boolean {
  const format = args.length > first + 1 ? args[first] : undefined;
  if (typeof format === "string" && find(format, "%c") >= 0) return true;
  for (let at = 0; at < args.length; at++) {
    const value = args[at];
    if ((typeof value === "object" && value !== null) || typeof value === "function") return true;
    if (typeof value === "string" && value.length > 2_000) return true;
  }
  return false;
}
