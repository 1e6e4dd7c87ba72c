/** The place in a script that wrote a console line, as far as it was recorded. */
import type { Event } from "../../../src/web/types";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { fileOf, parseStack } from "../detail/frames";

export interface ScriptPlace {
  url: string;
  line: number;
  column: number;
}

const known = new WeakMap<Event, ScriptPlace | null>();

/** Returns the page's own place that wrote a line or made its error, else a library's; null if none is recorded. */
export function scriptPlaceOf(event: Event): ScriptPlace | null {
  let place = known.get(event);
  if (place === undefined) {
    place = event.category === "console" ? find(asObject(event.data)) : null;
    known.set(event, place);
  }
  return place;
}

/** Returns `checkout.ts:17`. */
export function shortPlace(file: string, line: number): string {
  return `${fileOf(file)}:${line}`;
}

function find(data: Record<string, unknown>): ScriptPlace | null {
  const { url, line, column } = asObject(data.location);
  const script = asString(url);
  if (script !== undefined) return { url: script, line: asNumber(line) ?? 0, column: asNumber(column) ?? 0 };
  const ofArguments = asArray(data.args).map((argument) => asObject(argument).stack);
  const stacks = [data.stack, asObject(data.error).stack, ...ofArguments];
  const frames = stacks.flatMap((stack) => parseStack(asString(stack) ?? ""));
  // A library that reports an error of the page is not its place.
  return frames.find(({ library }) => !library) ?? frames[0] ?? null;
}
