/**
 * Uncaught errors and unhandled rejections, as `console.exception` and `console.rejection`.
 *
 * Our listeners are the first on the window and only look: they neither handle, nor stop, nor prevent anything.
 */

import type { HookConfig } from "../channel.ts";
import { fits, LEAST_PART, shrink } from "./budget.ts";
import type { Causes } from "./causes.ts";
import type { Inspector } from "./inspect.ts";
import { type Limits, limitsOf, limitsOfText, within } from "./limits.ts";
import {
  cut,
  cutToBytes,
  getterOf,
  listen,
  min,
  nowMicros,
  quote,
  read,
  unlisten,
  utf8Length,
} from "./natives.ts";
import type { Outbox } from "./outbox.ts";
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

const MINIMAL_TEXT = 120;
/** Characters: a script's address may be a whole script. */
const MAX_URL = 2_048;

export class ErrorHook {
  readonly #inspect: Inspector;
  readonly #outbox: Outbox;
  readonly #causes: Causes;
  #config: HookConfig;

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
  }

  remove(): void {
    unlisten(window, "error", this.#onError);
    unlisten(window, "unhandledrejection", this.#onRejection);
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
      const more = crossOrigin ? ',"cross_origin":true' : place;
      const isCut = url.length > MAX_URL;
      this.#publish("console.exception", "error", message, read(error.error, event), more, isCut);
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
        "",
        false,
      );
    } catch {
      this.#outbox.lose();
    } finally {
      this.#inspect.forget();
    }
  };

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
    let truncated = level !== "minimal" && (isCut || (message ?? "").length > MAX_TEXT);
    let textBytes = 0;

    const content = (bounds: Limits, part: number): string => {
      textBytes = 0;
      const json = `{"text":${quote(cutToBytes(text, part))}`;
      if (part < LEAST_PART) return `${json}}`;
      if (message !== null && level === "minimal") return `${json}}`;
      if (value === undefined || value === null) return `${json}${more}}`;
      const preview = new Preview(this.#inspect, bounds);
      const shown = preview.json(value);
      if (message === null) {
        textBytes = min(3 * MAX_TEXT, utf8Length(shown) * 1.5);
        const parts = '{"text":["Uncaught (in promise) ",0]';
        if (level === "minimal") return `${parts},"text_args":[${shown}]}`;
        truncated ||= preview.truncated;
        return `${parts},"error":${shown}${more}}`;
      }
      truncated ||= preview.truncated;
      return `${json}${more},"error":${shown}}`;
    };
    let data = content(limits, max);
    if (!fits(data, max - textBytes)) {
      truncated = true;
      data = shrink(
        max,
        (part) => content(within(limits, part), part),
        () => textBytes,
      );
    }
    const cause = this.#causes.current();
    this.#outbox.put(ts, type, "console", sourceEvent, level, data, truncated, true, cause);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
