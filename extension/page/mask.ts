/**
 * Functions that look like the built-ins they replace: same name, length, own keys, same `toString()`,
 * no `prototype`, and not to be constructed, with the same messages of the errors that the engine throws about them.
 *
 * They are Proxies of the built-ins, whose text the engine prints in such a message. `Function.prototype.toString`
 * prints less of a Proxy, so it has to be replaced as well. An undo puts a built-in back if the page has not replaced
 * it since.
 */
import { apply, construct, defineProperty, getOwnPropertyDescriptor, ownValue, redefine } from "./natives.ts";

export type Callable = (...args: never[]) => unknown;

/** Called in place of `native`, with the arguments and the `this` of the call. */
export type StandIn = (native: Callable, self: unknown, args: ArrayLike<unknown>) => unknown;

/** Puts a built-in back. */
export type Undo = () => void;

/** Returns a function that calls both in order; null if both are null. */
export function both(first: Undo | null, second: Undo | null): Undo | null {
  if (first === null || second === null) return first ?? second;
  return () => {
    first();
    second();
  };
}

/** Replaces `owner[name]`, which was `found`, by `wrapper`; null when the page has made that impossible. */
export function swap(
  owner: object,
  name: string,
  found: PropertyDescriptor,
  wrapper: object,
  part: "value" | "get" = "value",
): Undo | null {
  const native = found[part];
  try {
    if (!redefine(owner, name, wrapper, found, part)) return null;
  } catch {
    return null;
  }
  return () => {
    const now = getOwnPropertyDescriptor(owner, name);
    if (now?.[part] === wrapper) redefine(owner, name, native, now, part);
  };
}

const { get, set } = WeakMap.prototype;
const nativeToString = Function.prototype.toString;
const NativeProxy = Proxy;

export class Mask {
  readonly #originals: WeakMap<object, object>;
  #undo: Undo | null = null;

  /** `originals` is shared by the documents of one origin, which can call each other's functions. */
  constructor(originals: WeakMap<object, object>) {
    this.#originals = originals;
  }

  /** Replaces `owner[name]`; null when the page has made that impossible. */
  replace(owner: object, name: string, standIn: StandIn): Undo | null {
    const descriptor = getOwnPropertyDescriptor(owner, name);
    if (typeof descriptor?.value !== "function") return null;
    return swap(owner, name, descriptor, this.#wrapper(descriptor.value, standIn));
  }

  /** Replaces the getter of `owner[name]`, and leaves its setter; null when the page has made that impossible. */
  replaceGetter(owner: object, name: string, standIn: StandIn): Undo | null {
    const descriptor = getOwnPropertyDescriptor(owner, name);
    if (descriptor?.get === undefined) return null;
    return swap(owner, name, descriptor, this.#wrapper(descriptor.get, standIn), "get");
  }

  /**
   * Replaces the constructor `owner[name]`, and its prototype's reference to it, by a Proxy: static members, subclasses,
   * `instanceof` and `new.target` stay as they are. `begin` is called before an object is made, `made` after. Null when
   * the page has made that impossible.
   */
  replaceConstructor<T>(
    owner: object,
    name: string,
    begin: (above: Callable) => T,
    made: (object: object, begun: T) => void,
  ): Undo | null {
    const descriptor = getOwnPropertyDescriptor(owner, name);
    const native = descriptor?.value as object | undefined;
    if (descriptor === undefined || typeof native !== "function") return null;
    const prototype = ownValue(native, "prototype") as object;
    const back = getOwnPropertyDescriptor(prototype, "constructor");
    if (back?.value !== native) return null;
    const handler = {
      // Without a prototype, because the proxy would take a page's Object.prototype.apply for a trap.
      __proto__: null,
      construct(target: new () => object, args: [], newTarget: new () => object): object {
        const begun = begin(handler.construct as Callable);
        const object = construct(target, args, newTarget === wrapper ? target : newTarget) as object;
        made(object, begun);
        return object;
      },
    };
    const wrapper = new NativeProxy(native as new () => object, handler as ProxyHandler<new () => object>);
    this.register(wrapper, native);
    const undo = swap(owner, name, descriptor, wrapper);
    return undo === null ? null : both(undo, swap(prototype, "constructor", back, wrapper));
  }

  /** Makes `wrapper.toString()` say what `original.toString()` says. */
  register(wrapper: object, original: object): void {
    apply(set, this.#originals, [wrapper, original]);
    this.#undo ??= this.#maskToString();
  }

  restore(): void {
    this.#undo?.();
    this.#undo = null;
  }

  #wrapper(original: Callable, standIn: StandIn): Callable {
    const wrapper = proxied(original, standIn);
    this.register(wrapper, original);
    return wrapper;
  }

  #maskToString(): Undo | null {
    const originals = this.#originals;
    const wrapper = proxied(nativeToString, (_, self) => {
      const original = typeof self === "function" ? apply(get, originals, [self]) : undefined;
      return apply(nativeToString, original ?? self, []);
    });
    apply(set, originals, [wrapper, nativeToString]);
    const descriptor = getOwnPropertyDescriptor(Function.prototype, "toString");
    if (descriptor?.value !== nativeToString) return null;
    return swap(Function.prototype, "toString", descriptor, wrapper);
  }
}

function proxied(native: Callable, standIn: StandIn): Callable {
  // Without a prototype, because the proxy would take a page's Object.prototype.get for a trap.
  const handler = { __proto__: null, apply: standIn };
  // For the stacks of errors that the built-in throws.
  const name = getOwnPropertyDescriptor(native, "name");
  if (name !== undefined) defineProperty(standIn, "name", name);
  return new NativeProxy(native, handler as ProxyHandler<Callable>);
}
