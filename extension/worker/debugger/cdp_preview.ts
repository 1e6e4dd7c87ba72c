/**
 * Values as the DevTools protocol describes them, in the words of the hook's previews (see `page/preview.ts`).
 *
 * The protocol describes one level of an object; what is deeper is left out.
 */

export interface RemoteObject {
  type: string;
  subtype?: string;
  className?: string;
  value?: unknown;
  unserializableValue?: string;
  description?: string;
  preview?: ObjectPreview;
}

interface ObjectPreview {
  type: string;
  subtype?: string;
  description?: string;
  overflow?: boolean;
  properties?: PropertyPreview[];
  entries?: { key?: ObjectPreview; value: ObjectPreview }[];
}

interface PropertyPreview {
  name: string;
  type: string;
  subtype?: string;
  value?: string;
}

/** Represents an object where only its being one counts. */
const OBJECT = {};
const FRAME = "\n    at ";
const CUT = { $: "cut" };

/** Returns the value itself if it is a primitive. */
export function primitiveOf(remote: RemoteObject): unknown {
  const { type, value, unserializableValue: text, description = "" } = remote;
  switch (type) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return text === undefined ? value : Number(text);
    case "bigint":
      return BigInt((text ?? description).replace(/n$/, ""));
    case "symbol":
      return Symbol(/^Symbol\((.*)\)$/s.exec(description)?.[1]);
    case "undefined":
      return undefined;
    default:
      return remote.subtype === "null" ? null : OBJECT;
  }
}

export function isObject(remote: RemoteObject): boolean {
  return primitiveOf(remote) === OBJECT;
}

export function previewOf(remote: RemoteObject): unknown {
  const primitive = primitiveOf(remote);
  if (primitive !== OBJECT) return primitivePreview(primitive);
  const { type, subtype, className = "Object", description = "", preview } = remote;
  if (type === "function") return { $: "function", name: functionName(description) };
  switch (subtype) {
    case "error":
      return errorPreview(className, description);
    case "date":
      return { $: "Date", value: dateText(description) };
    case "regexp":
      return { $: "RegExp", value: description };
    case "promise":
      return { $: "Promise" };
    case "proxy":
      return { $: "Proxy" };
    case "arraybuffer":
      return { $: "ArrayBuffer", byte_length: lengthIn(description) ?? 0 };
    default:
      return preview === undefined ? { $: "deep", class: className } : contents(className, subtype, preview);
  }
}

function primitivePreview(value: unknown): unknown {
  switch (typeof value) {
    case "undefined":
      return { $: "undefined" };
    case "bigint":
      return { $: "bigint", value: `${value}` };
    case "symbol":
      return { $: "symbol", text: String(value) };
    case "number":
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $: "number", value: Object.is(value, -0) ? "-0" : `${value}` };
    default:
      return value;
  }
}

/** The message of an error: its description without its name, and without the frames of its stack. */
function errorPreview(name: string, description: string): unknown {
  const [header = ""] = description.split(FRAME, 1);
  const message = /^[\w$.]*(?:Error|Exception)(?:: |$)(.*)$/s.exec(header)?.[1] ?? header;
  return { $: name, message, ...(description.includes(FRAME) ? { stack: description } : {}) };
}

function contents(className: string, subtype: string | undefined, preview: ObjectPreview): unknown {
  const properties = preview.properties ?? [];
  const length = lengthIn(preview.description);
  if (subtype === "map" || subtype === "set") {
    const entries = preview.entries ?? [];
    const size = length ?? entries.length;
    if (subtype === "set")
      return { $: className, size, items: entries.map(({ value }) => entryPreview(value)) };
    return {
      $: className,
      size,
      entries: entries.map(({ key, value }) => [
        key === undefined ? null : entryPreview(key),
        entryPreview(value),
      ]),
    };
  }
  if (subtype === "array" || subtype === "typedarray") {
    const items = properties.filter(({ name }) => /^\d+$/.test(name)).map(propertyPreview);
    if (subtype === "array" && items.length === length) return items;
    return { $: className, length: length ?? items.length, items };
  }
  const props = Object.fromEntries(properties.map((property) => [property.name, propertyPreview(property)]));
  if (className === "Object" && preview.overflow !== true && !("$" in props)) return props;
  return { $: className, props, ...(preview.overflow === true ? { more: 1 } : {}) };
}

function propertyPreview({ type, subtype, value = "" }: PropertyPreview): unknown {
  switch (type) {
    case "string":
      return value;
    case "accessor":
      return { $: "getter" };
    case "function":
      return { $: "function", name: "" };
    case "object":
      return subtype === "null" ? null : nested(subtype, value);
    default:
      return previewOf({
        type,
        ...(type === "boolean" ? { value: value === "true" } : { unserializableValue: value }),
        description: value,
      });
  }
}

function entryPreview({ type, subtype, description = "" }: ObjectPreview): unknown {
  return propertyPreview({
    name: "",
    type,
    ...(subtype === undefined ? {} : { subtype }),
    value: description,
  });
}

/** An object in an object, of which the protocol gives its class and length only. */
function nested(subtype: string | undefined, description: string): unknown {
  if (subtype === "error") return errorPreview(description.split(/[:\n]/, 1)[0] ?? "Error", description);
  const length = lengthIn(description);
  const name = description.replace(/\(\d+\)$/, "");
  return { $: "deep", class: name === "" ? "Object" : name, ...(length === undefined ? {} : { length }) };
}

/** `Array(3)` → 3. */
function lengthIn(description: string | undefined): number | undefined {
  const digits = /\((\d+)\)$/.exec(description ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function functionName(source: string): string {
  return /^(?:async\s+)?(?:function\s*\*?|class)\s*([\w$]*)/.exec(source)?.[1] ?? "";
}

/** The protocol gives a date as its `toString` does, in seconds. */
function dateText(description: string): string {
  const date = new Date(description);
  return Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString();
}

/** At most `count` arguments; what was left out is one `cut`. */
export function previewsOf(args: RemoteObject[], count: number): unknown[] {
  return [...args.slice(0, count).map(previewOf), ...(args.length > count ? [CUT] : [])];
}

/** The message of an uncaught error, as the browser makes it for an `error` event. */
export function thrownText(thrown: RemoteObject): string | null {
  if (!isObject(thrown)) return null;
  const { subtype, description = "", className = "Object" } = thrown;
  if (subtype === "error") return description.split(FRAME, 1)[0] ?? "";
  return className === "Object" ? "[object Object]" : `#<${className}>`;
}
