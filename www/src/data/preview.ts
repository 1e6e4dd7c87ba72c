/**
 * Values as the console hook writes them (see `extension/page/preview.ts`): a JSON value stays itself, and
 * any other value is an object whose `$` names its class.
 */
import { asArray, asNumber, asObject, asString } from "./record";

/** A value on screen: a text of some kind, and the values inside. */
export interface Shown {
  text: string;
  kind: "string" | "number" | "boolean" | "null" | "other" | "object";
  /** Names and values inside; absent if the value cannot be opened. */
  entries?: [name: string, value: unknown][];
  list?: boolean;
}

/** Returns a plain JSON value as it is shown. */
export function plain(value: unknown): Shown {
  if (Array.isArray(value)) {
    return {
      text: `(${value.length})`,
      kind: "object",
      list: true,
      entries: value.map((v, i) => [String(i), v]),
    };
  }
  if (typeof value === "object" && value !== null) {
    return { text: "", kind: "object", entries: Object.entries(value) };
  }
  if (value === null || value === undefined) return { text: String(value), kind: "null" };
  if (typeof value === "string") return { text: value, kind: "string" };
  return { text: String(value), kind: typeof value === "number" ? "number" : "boolean" };
}

/** Returns a value of the hook as it is shown. */
export function preview(value: unknown): Shown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return plain(value);
  const o = asObject(value);
  const name = asString(o.$);
  return name === undefined ? plain(value) : tagged(name, o);
}

function tagged(name: string, o: Record<string, unknown>): Shown {
  const value = asString(o.value);
  switch (name) {
    case "undefined":
      return { text: "undefined", kind: "null" };
    case "string":
      return { text: `${value ?? ""}… (${asNumber(o.length) ?? "?"} characters)`, kind: "string" };
    case "number":
      return { text: value ?? "NaN", kind: "number" };
    case "bigint":
      return { text: `${value ?? ""}n`, kind: "number" };
    case "symbol":
      return { text: asString(o.text) ?? "Symbol()", kind: "other" };
    case "function":
      return { text: `ƒ ${asString(o.name) ?? ""}()`, kind: "other" };
    case "getter":
      return { text: "(getter, not run)", kind: "null" };
    case "circular":
      return { text: "(circular)", kind: "null" };
    case "cut":
      return { text: "(truncated)", kind: "null" };
    case "empty":
      return { text: "empty", kind: "null" };
    case "deep":
      return { text: `${asString(o.class) ?? "Object"} (deeper than recorded)`, kind: "null" };
    case "Date":
    case "RegExp":
      return { text: value ?? name, kind: "other" };
    case "Proxy":
      return "target" in o
        ? { text: "Proxy", kind: "object", entries: [["target", o.target]] }
        : { text: "Proxy", kind: "other" };
    default:
      return composed(name, o);
  }
}

function composed(name: string, o: Record<string, unknown>): Shown {
  const node = asString(o.node);
  if (node !== undefined) return { text: `<${node}>`, kind: "other" };
  const message = asString(o.message);
  if (message !== undefined) {
    const entries = Object.entries(o).filter(([key]) => key !== "$" && key !== "message");
    return { text: message === "" ? name : `${name}: ${message}`, kind: "object", entries };
  }
  const more: [string, unknown][] =
    asNumber(o.more) === undefined ? [] : [["…", { $: "more", value: `${asNumber(o.more)} more` }]];
  if (o.props !== undefined)
    return { text: name, kind: "object", entries: [...Object.entries(asObject(o.props)), ...more] };
  const size = asNumber(o.size) ?? asNumber(o.length);
  if (Array.isArray(o.items) || Array.isArray(o.entries)) {
    const items: [string, unknown][] = Array.isArray(o.entries)
      ? o.entries.map((pair, i): [string, unknown] => {
          const [key, inner] = asArray(pair);
          return typeof key === "string" ? [key, inner] : [String(i), pair];
        })
      : asArray(o.items).map((item, i) => [String(i), item]);
    const left = (size ?? items.length) - items.length;
    const rest: [string, unknown][] = left > 0 ? [["…", { $: "more", value: `${left} more` }]] : [];
    return {
      text: `${name}(${size ?? items.length})`,
      kind: "object",
      list: Array.isArray(o.items),
      entries: [...items, ...rest],
    };
  }
  const value = asString(o.value) ?? asString(o.type);
  const bytes = asNumber(o.byte_length);
  return { text: value ?? (bytes === undefined ? name : `${name}(${bytes})`), kind: "other" };
}

/** Returns a value in one line. */
export function lineOf(value: unknown, depth = 2): string {
  const shown = preview(value);
  if (shown.entries === undefined) return shown.kind === "string" ? JSON.stringify(shown.text) : shown.text;
  const prefix = shown.list === true ? "" : shown.text;
  if (depth === 0) return shown.list === true ? `Array${shown.text}` : `${prefix}{…}`;
  if (prefix.includes(": ")) return prefix;
  const inside = shown.entries
    .slice(0, 6)
    .map(([key, inner]) =>
      shown.list === true ? lineOf(inner, depth - 1) : `${key}: ${lineOf(inner, depth - 1)}`,
    );
  if (shown.entries.length > 6) inside.push("…");
  return shown.list === true
    ? `[${inside.join(", ")}]`
    : `${prefix === "" ? "" : `${prefix} `}{${inside.join(", ")}}`;
}
