/** Consoles and uncaught errors of workers, which only the DevTools protocol reaches. */
import type { DetailLevel } from "../../src/web/types.ts";
import { jsonWithin } from "../relay/budget.ts";
import type { CdpPublisher, Params, Source } from "./cdp_publisher.ts";
import type { CdpTargets, Worker } from "./cdp_targets.ts";
import { climb } from "./levels.ts";

interface RemoteObject {
  type: string;
  subtype?: string;
  className?: string;
  value?: unknown;
  unserializableValue?: string;
  description?: string;
  preview?: { description?: string; properties?: { name: string; value?: string }[]; overflow?: boolean };
}

interface StackTrace {
  callFrames: { functionName: string; url: string; lineNumber: number; columnNumber: number }[];
}

/** As many as the hook's previews are wide at `verbose`. */
const MAX_ARGS = 200;
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

export class CdpConsole {
  readonly #publisher: CdpPublisher;
  readonly #targets: CdpTargets;

  constructor(publisher: CdpPublisher, targets: CdpTargets) {
    this.#publisher = publisher;
    this.#targets = targets;
  }

  event(source: Source, tabId: number, method: string, params: Params): void {
    const worker = this.#targets.worker(source.sessionId);
    // The documents' own consoles are the hook's.
    if (worker === undefined || !REPORTED.has(method)) return;
    if (this.#targets.isRepeated(source, worker, params.timestamp as number)) return;
    if (method === "Runtime.consoleAPICalled") {
      const args = (params.args ?? []) as RemoteObject[];
      const called = params.type as string;
      const type = `console.${METHODS[called] ?? called}`;
      const stack = stackOf(params.stackTrace as StackTrace | undefined);
      this.#publish(tabId, worker, type, method, params, (count) => ({
        text: partsOf(args.slice(0, count)),
        args: argsOf(args, Math.min(count, MAX_ARGS)),
        stack,
      }));
    } else if (method === "Runtime.exceptionThrown") {
      const details = params.exceptionDetails as Params;
      const exception = details.exception as RemoteObject | undefined;
      this.#publish(tabId, worker, "console.exception", method, params, () => ({
        text: exception?.description ?? (details.text as string),
        location: {
          url: details.url ?? worker.url,
          line: (details.lineNumber as number) + 1,
          column: (details.columnNumber as number) + 1,
        },
        stack: stackOf(details.stackTrace as StackTrace | undefined),
      }));
    }
  }

  #publish(
    tabId: number,
    worker: Worker,
    type: string,
    method: string,
    params: Params,
    contentOf: (count: number) => Content,
  ): void {
    this.#publisher.publish(tabId, "console", (level) => {
      const dataOf = (count: number): Params => {
        const { text, ...standard } = contentOf(count);
        const minimal = minimalOf(level, text, standard.args);
        return climb(level, { minimal, standard, raw: params }) as Params;
      };
      const { data, truncated } = dataWithin(dataOf, this.#publisher.maxEventBytes("console"));
      return {
        ts: Math.round((params.timestamp as number) * 1000),
        type,
        category: "console",
        detail_level: level,
        source: {
          kind: "cdp",
          event: method,
          metadata: { ...this.#publisher.metadata(tabId), worker_type: worker.type },
        },
        url: worker.url,
        data,
        ...(truncated ? { truncated: true } : {}),
      };
    });
  }
}

/** The fields of an event at `standard`, made from so many arguments. */
interface Content extends Params {
  text: string | TextPart[];
  args?: unknown[];
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
    const args = kept.args ?? kept.text_args;
    if (!Array.isArray(data.text) || (Array.isArray(kept.text) && Array.isArray(args)))
      return { data: kept, truncated: true };
  }
  return { data: { text: "" }, truncated: true };
}

function roomFor(data: Params, maxBytes: number): number {
  if (!Array.isArray(data.text)) return maxBytes;
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  const whole = bytes(data) + bytes(data.args ?? data.text_args) * TEXT_GROWTH;
  return whole <= maxBytes ? maxBytes : maxBytes * SHARE_WITHOUT_TEXT;
}

/** Whether arguments were left out because there are more than are shown. */
function hasCutArgs({ args }: Params): boolean {
  return Array.isArray(args) && args.length > MAX_ARGS;
}

function argsOf(args: RemoteObject[], count: number): unknown[] {
  return [...args.slice(0, count).map(previewOf), ...(args.length > count ? [{ $: "cut" }] : [])];
}

/** A literal, the index of an argument, or an index with the text that represents the argument. */
type TextPart = string | number | [number, string];

/** How the core puts the text together, once it has replaced the secrets in the arguments: see src/console/mod.rs. */
function partsOf(args: RemoteObject[]): TextPart[] {
  return args.flatMap((arg, index): TextPart[] => {
    const part =
      typeof arg.value === "string" && index < MAX_ARGS ? index : ([index, describe(arg)] as const);
    return index === 0 ? [part as TextPart] : [" ", part as TextPart];
  });
}

function minimalOf(level: DetailLevel, text: string | TextPart[], args: unknown): Params {
  if (level !== "minimal") return { text };
  return typeof text === "string" ? { text: text.slice(0, 120) } : { text, text_args: args };
}

function describe(object: RemoteObject): string {
  if (object.value !== undefined && typeof object.value !== "object") return String(object.value);
  return object.unserializableValue ?? object.preview?.description ?? object.description ?? object.type;
}

/** In the words of the hook's previews: see page/preview.ts. */
function previewOf(object: RemoteObject): unknown {
  if (object.value !== undefined) return object.value;
  if (object.subtype === "null") return null;
  if (object.type === "undefined") return { $: "undefined" };
  if (object.unserializableValue !== undefined) return { $: object.type, value: object.unserializableValue };
  const properties = object.preview?.properties;
  const name = object.className ?? object.type;
  if (properties === undefined) return { $: name, text: object.description ?? "" };
  const props = Object.fromEntries(properties.map((property) => [property.name, property.value ?? ""]));
  return { $: name, props, ...(object.preview?.overflow ? { more: 1 } : {}) };
}

function stackOf(trace: StackTrace | undefined): string | undefined {
  return trace?.callFrames
    .map(
      ({ functionName, url, lineNumber, columnNumber }) =>
        `    at ${functionName || "<anonymous>"} (${url}:${lineNumber + 1}:${columnNumber + 1})`,
    )
    .join("\n");
}
