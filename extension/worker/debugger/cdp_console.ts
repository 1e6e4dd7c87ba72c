/** Consoles and uncaught errors of workers, which only the DevTools protocol reaches. */
import type { DetailLevel } from "../../../src/web/types.ts";
import { MINIMAL_TEXT } from "../../capture.ts";
import { wantsStack } from "../../page/stacks.ts";
import { primitiveText, TextParts } from "../../page/text.ts";
import { jsonWithin, prefix } from "../../relay/budget.ts";
import { fieldsAtLevel } from "../producers/levels.ts";
import {
  isObject,
  previewOf,
  previewsOf,
  primitiveOf,
  type RemoteObject,
  thrownText,
} from "./cdp_preview.ts";
import type { CdpPublisher, Params, Source } from "./cdp_publisher.ts";
import type { CdpTargets, Worker } from "./cdp_targets.ts";

export interface StackTrace {
  callFrames: { functionName: string; url: string; lineNumber: number; columnNumber: number }[];
  parent?: StackTrace;
}

/** As many as the hook's previews are wide at `verbose`. */
const MAX_ARGS = 200;
/** Characters of a string that the text shows, and at `standard` no argument repeats. */
const MAX_SHOWN = 2_000;
const UNCAUGHT = "Uncaught";
/** More than the text of a call shows. */
const MAX_CALL_ARGS = 1 << 14;

/** The protocol's names where they are not the method's. */
const METHODS: Record<string, string> = {
  warning: "warn",
  startGroup: "group",
  startGroupCollapsed: "group_collapsed",
  endGroup: "group_end",
  timeEnd: "time_end",
};

const REPORTED = new Set(["Runtime.consoleAPICalled", "Runtime.exceptionThrown"]);

/** Takes an uncaught error of a dedicated worker, as it is recorded. */
type OnException = (
  tabId: number,
  report: { text: string; location: { url: string; line: number; column: number } },
) => void;

export class CdpConsole {
  constructor(
    private readonly publisher: CdpPublisher,
    private readonly targets: CdpTargets,
    private readonly onException: OnException,
  ) {}

  event(source: Source, tabId: number, method: string, params: Params): void {
    const worker = this.targets.worker(source.sessionId);
    // The documents' own consoles are the hook's.
    if (worker === undefined || !REPORTED.has(method)) return;
    if (this.targets.isRepeated(source, worker, params.timestamp as number)) return;
    if (method === "Runtime.consoleAPICalled") {
      const args = (params.args ?? []) as RemoteObject[];
      const called = params.type as string;
      const name = METHODS[called] ?? called;
      const hasPreviews = needsPreviews(args);
      this.#publish(tabId, worker, `console.${name}`, method, params, (level, count) => ({
        text: partsOf(args.slice(0, count)),
        [hasPreviews ? "args" : "text_args"]: previewsOf(args, Math.min(count, MAX_ARGS)),
        stack: wantsStack(name, level) ? stackOf(params.stackTrace as StackTrace | undefined) : undefined,
      }));
    } else {
      const details = params.exceptionDetails as Params;
      const isRejection = isRejectionIn(details);
      const type = isRejection ? "console.rejection" : "console.exception";
      const content = exceptionContent(details, worker.url);
      if (!isRejection && worker.type === "worker")
        this.onException(tabId, { text: content.text as string, location: locationOf(details, worker.url) });
      this.#publish(tabId, worker, type, method, params, () => content);
    }
  }

  #publish(
    tabId: number,
    worker: Worker,
    type: string,
    method: string,
    params: Params,
    contentOf: (level: DetailLevel, count: number) => Content,
  ): void {
    this.publisher.publish(tabId, "console", method, (level) => {
      const dataOf = (count: number): Params => {
        const { text, ...standard } = contentOf(level, count);
        const minimal = minimalOf(level, text, shownIn(standard));
        // The core looks for the arguments next to the text.
        const { args, text_args, error, ...rest } = standard;
        return fieldsAtLevel(level, {
          minimal,
          standard: { args, text_args, error, ...rest },
          raw: params,
        }) as Params;
      };
      const { data, truncated } = dataWithin(dataOf, this.publisher.maxEventBytes("console"));
      return {
        ts: Math.round((params.timestamp as number) * 1000),
        type,
        metadata: { worker_type: worker.type },
        url: worker.url,
        data,
        isTruncated: truncated,
      };
    });
  }
}

/** The fields of an event at `standard`, made from so many arguments. */
interface Content extends Params {
  /** A list says how the core puts the text together: see src/console/mod.rs. */
  text: string | unknown[];
}

/** The arguments, or the one that was thrown, from which the core writes the text. */
function shownIn(data: Params): unknown[] | undefined {
  const { args, text_args, error } = data;
  return (args ?? text_args ?? (error === undefined ? undefined : [error])) as unknown[] | undefined;
}

/** The part of the budget for data from whose arguments the core writes the text: the text repeats them. */
const SHARE_WITHOUT_TEXT = 0.4;
/** The text of a value is longer than its JSON by blanks at most. */
const TEXT_GROWTH = 1.5;

/** Returns data within `maxBytes`, its text included: strings are truncated first, then arguments are left out. */
function dataWithin(
  dataOf: (count: number) => Params,
  maxBytes: number,
): { data: Params; truncated: boolean } {
  for (let count = MAX_CALL_ARGS; count > 0; count >>= 1) {
    const data = dataOf(count);
    const { json, truncated } = jsonWithin(data, roomFor(data, maxBytes));
    if (!truncated && count === MAX_CALL_ARGS) return { data, truncated: hasCutArgs(data) };
    const kept = JSON.parse(json) as Params;
    // Without its arguments the text cannot be written.
    if (!Array.isArray(data.text) || (Array.isArray(kept.text) && Array.isArray(shownIn(kept))))
      return { data: kept, truncated: true };
  }
  return { data: { text: "" }, truncated: true };
}

function roomFor(data: Params, maxBytes: number): number {
  if (!Array.isArray(data.text)) return maxBytes;
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  const whole = bytes(data) + bytes(shownIn(data)) * TEXT_GROWTH;
  return whole <= maxBytes ? maxBytes : maxBytes * SHARE_WITHOUT_TEXT;
}

/** Whether arguments were left out because there are more than are shown. */
function hasCutArgs({ args }: Params): boolean {
  return Array.isArray(args) && args.length > MAX_ARGS;
}

/** The line that `console.log` prints, put together as the hook does it. */
function partsOf(args: RemoteObject[]): unknown[] {
  const parts = new TextParts(args.map(primitiveOf), 0, {
    count: Math.min(args.length, MAX_ARGS),
    isWhole: () => true,
    // The browser has read the number already.
    arrayText: () => null,
  });
  parts.message();
  return JSON.parse(`[${parts.json}]`) as unknown[];
}

/** Whether the text does not show all of the arguments, or not the styles of a `%c`. */
function needsPreviews(args: RemoteObject[]): boolean {
  const format = args.length > 1 ? args[0]?.value : undefined;
  if (typeof format === "string" && format.includes("%c")) return true;
  return args.some((arg) => isObject(arg) || (typeof arg.value === "string" && arg.value.length > MAX_SHOWN));
}

/** Returns what is recorded of an uncaught error, or of a rejection; `url` is that of a script without its own. */
export function exceptionContent(details: Params, url: string): Content {
  const isRejection = isRejectionIn(details);
  const thrown = details.exception as RemoteObject | undefined;
  return {
    ...(isRejection ? {} : { location: locationOf(details, url) }),
    ...thrownContent(thrown, details.text as string, isRejection),
    stack: stackOf(details.stackTrace as StackTrace | undefined),
  };
}

function isRejectionIn(details: Params): boolean {
  return (details.text as string).startsWith("Uncaught (in promise)");
}

function thrownContent(thrown: RemoteObject | undefined, said: string, isRejection: boolean): Content {
  if (thrown === undefined) return { text: said };
  const error = previewOf(thrown);
  if (isRejection) return { text: [`${UNCAUGHT} (in promise) `, 0], error };
  const message = thrownText(thrown) ?? primitiveText(primitiveOf(thrown));
  const isNothing = primitiveOf(thrown) === null || primitiveOf(thrown) === undefined;
  return { text: `${UNCAUGHT} ${message}`, ...(isNothing ? {} : { error }) };
}

/** Returns the address of the script that threw; an error with a stack has it there alone. */
export function scriptUrlOf({ url, stackTrace }: Params): string | undefined {
  return (url as string | undefined) ?? (stackTrace as StackTrace | undefined)?.callFrames[0]?.url;
}

function locationOf(details: Params, url: string): { url: string; line: number; column: number } {
  return {
    url: scriptUrlOf(details) ?? url,
    line: (details.lineNumber as number) + 1,
    column: (details.columnNumber as number) + 1,
  };
}

function minimalOf(level: DetailLevel, text: string | unknown[], shown: unknown[] | undefined): Params {
  if (level !== "minimal") return { text };
  return typeof text === "string" ? { text: prefix(text, MINIMAL_TEXT) } : { text, text_args: shown };
}

function stackOf(trace: StackTrace | undefined): string | undefined {
  return trace?.callFrames
    .map(
      ({ functionName, url, lineNumber, columnNumber }) =>
        `    at ${functionName || "<anonymous>"} (${url}:${lineNumber + 1}:${columnNumber + 1})`,
    )
    .join("\n");
}
