/**
 * The kinds of argument that this package's functions take.
 *
 * A kind reads a value once. It returns what the function continues with, a copy if the value could answer differently
 * the next time, or throws a `TabtapeError` that names the argument, the value, and what would be right. A getter or a
 * proxy that throws makes an argument that cannot be read. Apart from callbacks, code of the caller runs here only, and never
 * below wasm, where its exception would leave the core in the middle of a change.
 */
import { describe, isTabtapeError, refused, TabtapeError } from "./errors.ts";

/** How to read one argument. */
export interface Kind<Out> {
  /** The argument's type, as the declarations of the package spell it. */
  readonly type: string;
  readonly isOptional: boolean;
  /** The keys of an object. */
  readonly fields?: Readonly<Record<string, Kind<unknown>>>;
  read(value: unknown, name: string): Out;
}

/** A kind that also accepts undefined. */
export interface OptionalKind<Out> extends Kind<Out> {
  readonly isOptional: true;
}

type ValueOf<K> = K extends Kind<infer Out> ? Out : never;

/** The code of a wrong argument that has no code of its own. */
export const INVALID_ARGUMENT = "invalid_argument";
/** The code of a wrong option that has no code of its own. */
export const INVALID_OPTIONS = "invalid_options";

export interface Expectation {
  /** As in {@link Kind}. */
  type: string;
  /** The code of the error. */
  code: string;
  /** The right form, in words. */
  expected: string;
}

/** @param parse Returns undefined for a value that it refuses. It may throw what a getter of the value throws. */
export function kind<Out>(
  { type, code, expected }: Expectation,
  parse: (value: unknown, name: string) => Out | undefined,
): Kind<Out> {
  const read = (value: unknown, name: string): Out => {
    let out: Out | undefined;
    try {
      out = parse(value, name);
    } catch (cause) {
      if (isTabtapeError(cause)) throw cause;
      const message = `${name}: expected ${expected}, got what cannot be read: ${describe(cause)}`;
      throw new TabtapeError(code, message, { cause });
    }
    if (out === undefined) throw refused(code, name, expected, value);
    return out;
  };
  return { type, isOptional: false, read };
}

export function optional<Out>(inner: Kind<Out>): OptionalKind<Out | undefined> {
  return {
    ...inner,
    isOptional: true,
    read: (value, name) => (value === undefined ? undefined : inner.read(value, name)),
  };
}

export function nullable<Out>(inner: Kind<Out>): Kind<Out | null> {
  return {
    ...inner,
    type: `${inner.type} | null`,
    read: (value, name) => (value === null ? null : inner.read(value, name)),
  };
}

export function text(code = INVALID_ARGUMENT, expected = "a string"): Kind<string> {
  return kind({ type: "string", code, expected }, (value) => (typeof value === "string" ? value : undefined));
}

export function oneOf<const Word extends string>(type: string, code: string, words: Word[]): Kind<Word> {
  const quoted = words.map((word) => JSON.stringify(word));
  const expected = quoted.length > 2 ? `one of ${quoted.join(", ")}` : quoted.join(" or ");
  return kind({ type, code, expected }, (value) => words.find((word) => word === value));
}

/** A whole number from `min` to `max`, both inclusive. */
export function whole(code: string, min: number, max: number): Kind<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return kind({ type: "number", code, expected }, (value) =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : undefined,
  );
}

export function flag(code: string): Kind<boolean> {
  return kind({ type: "boolean", code, expected: "true or false" }, (value) =>
    typeof value === "boolean" ? value : undefined,
  );
}

/** A function of the caller's, of type `F`. */
export function callback<F>(type: string, code: string): Kind<F> {
  return kind({ type, code, expected: "a function" }, (value) =>
    typeof value === "function" ? (value as F) : undefined,
  );
}

/** Tells a typed array of any realm, by a getter that no other object can answer. */
const typedArrayName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;

/** A `Uint8Array` of `length` bytes, which are copied. */
export function bytes(code: string, length: number): Kind<Uint8Array> {
  const expected = `a Uint8Array of ${length} bytes`;
  return kind({ type: "Uint8Array", code, expected }, (value) => {
    if (typedArrayName?.call(value) !== "Uint8Array") return undefined;
    const copy = new Uint8Array(value as Uint8Array);
    return copy.length === length ? copy : undefined;
  });
}

/** The JSON text of a value. */
export function json(expectation: Expectation): Kind<string> {
  // Its type says string, but it is undefined for what JSON cannot say.
  return kind(expectation, (value) => JSON.stringify(value) as string | undefined);
}

/** A copy of an object of plain data, of type `T` as far as the compiler could tell. */
export function plain<T>(expectation: Expectation): Kind<T> {
  return kind(expectation, (value) => {
    const copy: unknown = JSON.parse(JSON.stringify(value) ?? "null");
    return typeof copy === "object" && copy !== null && !Array.isArray(copy) ? (copy as T) : undefined;
  });
}

/** Strings by name. */
export function texts(code: string): Kind<Record<string, string>> {
  const [type, expected] = ["Record<string, string>", "an object of strings"];
  const one = text(code);
  return kind({ type, code, expected }, (value, name) => {
    if (!isPlainObject(value)) return undefined;
    // `fromEntries` defines each key, so that `__proto__` is one like any other.
    return Object.fromEntries(
      Object.keys(value).map((key) => [key, one.read(value[key], `${name}.${shown(key)}`)]),
    );
  });
}

type OptionalKeys<F> = { [K in keyof F]: F[K] extends OptionalKind<unknown> ? K : never }[keyof F];

/** The result of reading an object: what is undefined is absent. */
export type Fields<F> = { [K in Exclude<keyof F, OptionalKeys<F>>]: ValueOf<F[K]> } & {
  [K in OptionalKeys<F>]?: Exclude<ValueOf<F[K]>, undefined>;
};

/**
 * An object literal with these keys, which stay in the order that the caller gave them. Others are refused, or
 * ignored if the object is data that is often part of a larger one.
 */
export function object<F extends Record<string, Kind<unknown>>>(
  type: string,
  code: string,
  fields: F,
  others: "refused" | "ignored" = "refused",
): Kind<Fields<F>> {
  const known = Object.keys(fields);
  const expected = `an object with the keys ${known.join(", ")}`;
  const read = kind({ type, code, expected }, (value, name) => {
    if (!isPlainObject(value)) return undefined;
    const path = (key: string) => (name === "options" ? key : `${name}.${key}`);
    const values: Record<string, unknown> = {};
    for (const key of Reflect.ownKeys(value) as string[]) {
      const field = known.includes(key) ? fields[key] : undefined;
      if (field === undefined && others === "ignored") continue;
      if (field === undefined) {
        const message = `${path(shown(key))}: expected only the keys ${known.join(", ")}`;
        throw new TabtapeError(code, `${message}, got another with ${describe(value[key])}`);
      }
      const read = field.read(value[key], path(key));
      if (read !== undefined) values[key] = read;
    }
    for (const key of known) if (!(key in values)) fields[key]?.read(undefined, path(key));
    return values as Fields<F>;
  });
  return { ...read, fields };
}

/** An {@link object} that may be absent, which is the same as an empty one. */
export function options<F extends Record<string, Kind<unknown>>>(
  type: string,
  fields: F,
): OptionalKind<Fields<F>> {
  const inner = object(type, INVALID_OPTIONS, fields);
  return {
    ...inner,
    isOptional: true,
    read: (value, name) => inner.read(value === undefined ? {} : value, name),
  };
}

/** An object that `halves` has, because this entry of the package made it. Reads the half that is given. */
export function made<Half>(expectation: Expectation, halves: WeakMap<object, Half>): Kind<Half> {
  return kind(expectation, (value) =>
    typeof value === "object" && value !== null ? halves.get(value) : undefined,
  );
}

export function anything(type: string): Kind<unknown> {
  return { type, isOptional: false, read: (value) => value };
}

/** A key of the caller's, or a symbol, as errors name it. */
function shown(key: string | symbol): string {
  const text = String(key);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Whether `value` is an object literal, of any realm. An object of a class is not, because its keys are not what it holds. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The arguments of one function: their names and kinds, in order. */
export type Row = readonly (readonly [name: string, kind: Kind<unknown>])[];

type ReadRow<R> = { -readonly [I in keyof R]: R[I] extends readonly [string, infer K] ? ValueOf<K> : never };

/** Reads the arguments of a call as their row says. */
export function checked<const R extends Row>(
  row: R,
  ...values: { readonly [I in keyof R]: unknown }
): ReadRow<R> {
  return row.map(([name, kind], at) => kind.read(values[at], name)) as ReadRow<R>;
}

/** The proof that a constructor is called by this package. */
export const INTERNAL: unique symbol = Symbol("tabtape");

/** Refuses a call of a constructor from outside. */
export function checkInternal(key: unknown, name: string, maker: string): void {
  if (key === INTERNAL) return;
  throw new TabtapeError(
    INVALID_ARGUMENT,
    `new ${name}: expected a call of ${maker}, which makes it, got ${describe(key)}`,
  );
}
