/**
 * Console arguments back into text.
 *
 * An argument is plain JSON where it could be, else a preview `{"$": kind, …}` that the hook made of a
 * value JSON cannot carry.
 */
import { asArray, asObject, asString } from "./record";

/** What console.log would print for these arguments, `%s` and friends filled in, styles dropped. */
export function argsText(args: unknown[]): string {
  if (args.length === 0) return "";
  const [first, ...rest] = args;
  if (typeof first !== "string" || !first.includes("%")) return args.map((a) => argText(a, true)).join(" ");
  let next = 0;
  const head = first.replace(/%([sdifoOc%])/g, (whole, letter: string) => {
    if (letter === "%") return "%";
    if (next >= rest.length) return whole;
    const value = rest[next++];
    return letter === "c" ? "" : argText(value, letter === "s");
  });
  return [head, ...rest.slice(next).map((a) => argText(a, true))].join(" ");
}

export function argText(value: unknown, bare = false): string {
  if (typeof value === "string") return bare ? value : JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((v) => argText(v)).join(", ")}]`;
  const preview = previewText(value);
  if (preview !== null) return preview;
  const inside = Object.entries(value).map(([k, v]) => `${k}: ${argText(v)}`);
  return inside.length === 0 ? "{}" : `{${inside.join(", ")}}`;
}

/** The text of a preview object, or null for an ordinary one. */
export function previewText(value: object): string | null {
  const o = asObject(value);
  const kind = asString(o.$);
  if (kind === undefined) return null;
  const text = asString(o.text) ?? asString(o.value) ?? asString(o.message);
  if (text !== undefined) return text;
  const name = asString(o.name) ?? kind;
  const items = asArray(o.items);
  return items.length > 0 ? `${name} [${items.map((v) => argText(v)).join(", ")}]` : name;
}
