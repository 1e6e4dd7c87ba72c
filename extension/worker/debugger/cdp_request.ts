/** A request as the DevTools protocol reports it. */
import { HOOK_NAME } from "../../protocol.ts";
import type { StackTrace } from "./cdp_console.ts";
import type { Params } from "./cdp_publisher.ts";
import { headerPairs, milliseconds } from "./cdp_values.ts";

/** A request. Fields are missing if it began before this worker, or before the debugger was attached to the tab. */
export class Request {
  url: string | null = null;
  method: string | null = null;
  resourceType: string | null = null;
  startedSeconds = Number.NaN;
  response: Params | null = null;
  /** The response was published before its end. */
  streaming = false;
  streamTimer: ReturnType<typeof setTimeout> | null = null;
  frameId: string | null = null;
  loaderId = "";
  /** The fields of webRequest. */
  place: Record<string, string> | undefined;

  constructor(readonly tabId: number) {}
}

/** The type of a request in our words. */
export function typeOf(params: Params): string {
  return ((params.type as string | undefined) ?? "other").toLowerCase();
}

export function durationOf(request: Request, params: Params): number | null {
  return milliseconds(((params.timestamp as number) - request.startedSeconds) * 1000);
}

/** Whether a response has no body, by its own words. See https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1 */
export function hasNoBody(method: string | null, response: Params): boolean {
  const length = headerPairs(response.headers).find(([name]) => name.toLowerCase() === "content-length")?.[1];
  return method === "HEAD" || [204, 205, 304].includes(response.status as number) || length === "0";
}

/** The place that made a request: the protocol's, or the first one in its stack. Lines are counted from 1. */
export function initiatorOf(initiator: Params): Params {
  const given = {
    url: initiator.url as string | undefined,
    lineNumber: initiator.lineNumber as number | undefined,
  };
  const place = given.url ? given : firstPlace(initiator.stack as StackTrace | undefined);
  return {
    type: initiator.type,
    url: place?.url ?? null,
    line: place?.lineNumber === undefined ? null : place.lineNumber + 1,
  };
}

/** Our hook is in the stack, too: it calls the page's `fetch` for the page. */
function firstPlace(stack: StackTrace | undefined): StackTrace["callFrames"][number] | undefined {
  if (stack === undefined) return undefined;
  return stack.callFrames.find(({ url }) => url !== "" && url !== HOOK_NAME) ?? firstPlace(stack.parent);
}
