/** Errors as JSON, with what libraries add to them. */
import type { Inspector } from "./inspect.ts";
import type { JsonBudget } from "./json_budget.ts";
import { getOwnPropertyDescriptor, hasOwn } from "./natives.ts";
import { isPrimitive } from "./text.ts";

/** Properties of errors that are shown as such, or as the error itself. */
const OF_EVERY_ERROR = { __proto__: null, stack: 1, message: 1, name: 1, cause: 1, errors: 1 };

/** An object around the value that is being written. */
export interface Ancestor {
  object: object;
  parent: Ancestor | null;
}

export type IsWanted = (key: string, value: unknown) => boolean;

/** Writes the values that an error holds. */
export interface ValueWriter {
  value(value: unknown, depth: number, above: Ancestor | null): string;
  member(descriptor: PropertyDescriptor, depth: number, here: Ancestor): string;
  /** The enumerable properties that `isWanted`, as JSON without braces; a comma in front of the first unless it `isFirst`. */
  ownFields(object: object, depth: number, here: Ancestor, isWanted: IsWanted, isFirst: boolean): string;
}

/** Returns an error as JSON: its name, message and stack, then the errors that it refers to, then its other fields. */
export function errorJson(
  error: object,
  depth: number,
  here: Ancestor,
  inspect: Inspector,
  out: JsonBudget,
  writer: ValueWriter,
): string {
  const stack = inspect.errorStack(error);
  const message = inspect.errorMessage(error);
  let text = `,"message":${out.string(message)}`;
  if (stack !== "") text += `,"stack":${out.stack(stack, message)}`;
  const cause = getOwnPropertyDescriptor(error, "cause");
  if (depth > 0 && cause !== undefined && hasOwn(cause, "value")) {
    text += `,"cause":${writer.value(cause.value, depth - 1, here)}`;
  }
  const errors = getOwnPropertyDescriptor(error, "errors");
  if (depth > 0 && errors !== undefined && hasOwn(errors, "value")) {
    text += `,"errors":${writer.value(errors.value, depth - 1, here)}`;
  }
  if (depth > 0) text += suppressed(error, depth, here, writer);
  const fields = depth > 0 ? ownFields(error, depth - 1, here, inspect, writer) : "";
  if (fields !== "") text += `,"fields":{${fields}}`;
  return out.tag(inspect.errorName(error), text);
}

/** The errors of a `SuppressedError`: the newer one, and the one that it hides. */
function suppressed(error: object, depth: number, here: Ancestor, writer: ValueWriter): string {
  const hidden = getOwnPropertyDescriptor(error, "suppressed");
  const newer = hidden === undefined ? undefined : getOwnPropertyDescriptor(error, "error");
  if (hidden === undefined || newer === undefined) return "";
  const shown = writer.member(newer, depth - 1, here);
  return `,"error":${shown},"suppressed":${writer.member(hidden, depth - 1, here)}`;
}

/** A library's own fields, those first that tell most: a code, a status, then the response. */
function ownFields(
  error: object,
  depth: number,
  here: Ancestor,
  inspect: Inspector,
  writer: ValueWriter,
): string {
  const hides = getOwnPropertyDescriptor(error, "suppressed") !== undefined;
  const isOwn = (key: string): boolean =>
    !(key in OF_EVERY_ERROR) && !(hides && (key === "error" || key === "suppressed"));
  if (!hasKey(inspect.keysOf(error), isOwn)) return "";
  const add = (text: string, isWanted: IsWanted): string =>
    text +
    writer.ownFields(error, depth, here, (key, value) => isOwn(key) && isWanted(key, value), text === "");
  let text = add("", (_, value) => isPrimitive(value));
  text = add(text, (key, value) => !isPrimitive(value) && key === "response");
  return add(text, (key, value) => !isPrimitive(value) && key !== "response");
}

function hasKey(keys: (string | symbol)[], isWanted: (key: string) => boolean): boolean {
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at];
    if (typeof key === "string" && isWanted(key)) return true;
  }
  return false;
}
