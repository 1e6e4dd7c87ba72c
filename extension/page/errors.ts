/**
 * Uncaught errors and unhandled rejections, as `console.exception` and `console.rejection`.
 *
 * Our listeners are the first on the window and only look: they neither handle, nor stop, nor prevent anything. That a
 * rejection is handled later, or that the page prevents the report of an error or a rejection, is known from the
 * browser's own events: `console.rejection_handled` and `console.exception_handled`.
 */

import { MINIMAL_TEXT } from "../capture.ts";
import type { HookConfig } from "../protocol.ts";
import { fits, LEAST_PART, shrink } from "./budget.ts";
import type { Causes } from "./causes.ts";
import { DetailBudget } from "./detail_budget.ts";
import type { Inspector } from "./inspect.ts";
import { type Limits, limitsOf, limitsOfDetail, limitsOfText, within } from "./limits.ts";
import { apply, cut, cutToBytes, getterOf, listen, nowMicros, quote, read, unlisten } from "./natives.ts";
import type { Detail, Outbox } from "./outbox.ts";
import { Preview } from "./preview.ts";
import { isPrimitive, MAX_TEXT, primitiveText } from "./text.ts";

const error = {
  message: getterOf(ErrorEvent.prototype, "message"),
  filename: getterOf(ErrorEvent.prototype, "filename"),
  lineno: getterOf(ErrorEvent.prototype, "lineno"),
  colno: getterOf(ErrorEvent.prototype, "colno"),
  error: getterOf(ErrorEvent.prototype, "error"),
};
const reason = getterOf(PromiseRejectionEvent.prototype, "reason");
const promise = getterOf(PromiseRejectionEvent.prototype, "promise");
const defaultPrevented = getterOf(Event.prototype, "defaultPrevented");
const { get, set } = WeakMap.prototype;
const startTimer = setTimeout;

/** Characters: a script's address may be a whole script. */
const MAX_URL = 2_048;

/** Errors and rejections of one task whose events are kept until the page's listeners have seen them. */
const MAX_UNSEEN = 256;

const HANDLED = {
  handled: "The rejection was handled later",
  prevented: "The page prevented the report of the rejection",
  exception: "The page prevented the report of the error",
};

/** An error or a rejection whose event the page's listeners have not seen. */
interface Reported {
  event: ErrorEvent | PromiseRejectionEvent;
  isRejection: boolean;
  number: number;
  next: Reported | null;
}

export class ErrorHook {
  readonly #inspect: Inspector;
  readonly #outbox: Outbox;
  readonly #causes: Causes;
  #config: HookConfig;
  readonly #detailBudget = new DetailBudget();
  #rejections = 0;
  #exceptions = 0;
  /** The number of each rejection that was recorded. */
  readonly #numbers = new WeakMap<object, number>();
  #reported: Reported | null = null;
  #unseen = 0;

  constructor(inspect: Inspector, outbox: Outbox, causes: Causes, config: HookConfig) {
    this.#inspect = inspect;
    this.#outbox = outbox;
    this.#causes = causes;
    this.#config = config;
  }

  configure(config: HookConfig): void {
    this.#config = config;
  }

  /** Adding a listener that is there already changes nothing, so this can be called again at any time. */
  install(): void {
    listen(window, "error", this.#onError);
    listen(window, "unhandledrejection", this.#onRejection);
    listen(window, "rejectionhandled", this.#onHandled);
  }

  remove(): void {
    unlisten(window, "error", this.#onError);
    unlisten(window, "unhandledrejection", this.#onRejection);
    unlisten(window, "rejectionhandled", this.#onHandled);
  }

  readonly #onError = (event: ErrorEvent): void => {
    // `isTrusted` is unforgeable. An event that the page dispatched itself is no uncaught error.
    if (!event.isTrusted || this.#config.console === "off") return;
    try {
      const message = text(read(error.message, event));
      const url = text(read(error.filename, event));
      const crossOrigin = url === "" && message === "Script error.";
      const line = read(error.lineno, event);
      const place =
        url === ""
          ? ""
          : `,"location":{"url":${quote(cut(url, MAX_URL))},"line":${line},"column":${read(error.colno, event)}}`;
      const more = `,"exception":${++this.#exceptions}${crossOrigin ? ',"cross_origin":true' : place}`;
      const isCut = url.length > MAX_URL;
      this.#publish("console.exception", "error", message, read(error.error, event), more, isCut);
      this.#remember(event, false, this.#exceptions);
    } catch {
      // See ConsoleHook: the page must not notice a failure of ours.
      this.#outbox.lose();
    } finally {
      this.#inspect.forget();
    }
  };

  readonly #onRejection = (event: PromiseRejectionEvent): void => {
    if (!event.isTrusted || this.#config.console === "off") return;
    try {
      const value = read(reason, event);
      this.#publish(
        "console.rejection",
        "unhandledrejection",
        isPrimitive(value) ? `Uncaught (in promise) ${primitiveText(value)}` : null,
        value,
        `,"rejection":${++this.#rejections}`,
        false,
      );
      apply(set, this.#numbers, [read(promise, event) as object, this.#rejections]);
      this.#remember(event, true, this.#rejections);
    } catch {
      this.#outbox.lose();
    } finally {
      this.#inspect.forget();
    }
  };

  #remember(event: Reported["event"], isRejection: boolean, number: number): void {
    // The page's own listeners come after this one: what they have done is seen in a task of its own.
    this.#unseen++;
    if (this.#unseen > MAX_UNSEEN) return;
    if (this.#reported === null) apply(startTimer, undefined, [this.#lookAtReported, 0] as never);
    this.#reported = {
      __proto__: null,
      event,
      isRejection,
      number,
      next: this.#reported,
    } as unknown as Reported;
  }

  readonly #lookAtReported = (): void => {
    let at = this.#reported;
    this.#reported = null;
    this.#unseen = 0;
    for (; at !== null; at = at.next)
      if (read(defaultPrevented, at.event) === true)
        this.#handled(at.number, at.isRejection ? "prevented" : "exception");
  };

  readonly #onHandled = (event: PromiseRejectionEvent): void => {
    if (!event.isTrusted) return;
    const number = apply(get, this.#numbers, [read(promise, event) as object]) as number | undefined;
    if (number !== undefined) this.#handled(number, "handled");
  };

  #handled(number: number, why: keyof typeof HANDLED): void {
    const level = this.#config.console;
    if (level === "off") return;
    try {
      const isException = why === "exception";
      const what = isException ? "exception" : "rejection";
      const how = why === "handled" ? "handled" : "prevented";
      const fields = level === "minimal" ? "" : `,"${what}":${number},"how":"${how}"`;
      const data = `{"text":${quote(HANDLED[why])}${fields}}`;
      this.#outbox.put(
        nowMicros(),
        isException ? "console.exception_handled" : "console.rejection_handled",
        "console",
        isException ? "error" : why === "handled" ? "rejectionhandled" : "unhandledrejection",
        level,
        data,
        false,
        false,
        null,
      );
    } catch {
      this.#outbox.lose();
    }
  }

  /** Without a `message` the text is made of the value. `more` are fields as JSON, each with a comma in front; `isCut` says that one of them is cut. */
  #publish(
    type: string,
    sourceEvent: string,
    message: string | null,
    value: unknown,
    more: string,
    isCut: boolean,
  ): void {
    const ts = nowMicros();
    const level = this.#config.console;
    const max = this.#config.max_event_bytes;
    const text = cut(message ?? "", level === "minimal" ? MINIMAL_TEXT : MAX_TEXT);
    const limits = level === "minimal" ? limitsOfText(this.#config) : limitsOf(this.#config);
    const isTextCut = level !== "minimal" && (isCut || (message ?? "").length > MAX_TEXT);
    let truncated = isTextCut;
    let textSource = "";

    const content = (bounds: Limits, part: number): string => {
      textSource = "";
      const json = `{"text":${quote(cutToBytes(text, part))}`;
      if (part < LEAST_PART) return `${json}}`;
      if (message !== null && level === "minimal") return `${json}}`;
      if (value === undefined || value === null) return `${json}${more}}`;
      const preview = new Preview(this.#inspect, bounds);
      const shown = preview.json(value);
      if (message === null) {
        textSource = shown;
        const parts = '{"text":["Uncaught (in promise) ",0]';
        if (level === "minimal") return `${parts},"text_args":[${shown}]}`;
        truncated ||= preview.truncated;
        return `${parts},"error":${shown}${more}}`;
      }
      truncated ||= preview.truncated;
      return `${json}${more},"error":${shown}}`;
    };
    const fitted = (bounds: Limits): Detail => {
      truncated = isTextCut;
      const whole = content(bounds, max);
      if (fits(whole, max, textSource)) return { data: whole, truncated };
      const data = shrink(
        max,
        (part) => content(within(bounds, part), part),
        () => textSource,
      );
      return { data, truncated: true };
    };
    const made = fitted(limits);
    const hasDetail = made.truncated && level === "standard" && this.#config.details;
    const detail = hasDetail ? this.#detailBudget.run(ts, () => fitted(limitsOfDetail(this.#config))) : null;
    const cause = this.#causes.ofLine([value]);
    this.#outbox.put(ts, type, "console", sourceEvent, level, made.data, made.truncated, true, cause, detail);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
