/**
 * Tells Proxies from other objects without touching them.
 *
 * JavaScript has no operation that tells a Proxy from an object without running its traps, and running them
 * changes pages: reading a Vue or MobX object inside an effect makes the effect depend on it. So the hook sees
 * each Proxy being made, and remembers its target, which can be shown instead; so do those of the frames around it.
 * If the hook came too late to see them made (a tab that was open before recording began), every object that may be
 * a Proxy is left closed.
 */

import { both, type Mask, swap, type Undo } from "./mask.ts";
import { apply, construct, getOwnPropertyDescriptor, ownValue } from "./natives.ts";
import type { Shared } from "./shared_realm.ts";

const { get, set, has } = WeakMap.prototype;
const NativeProxy = Proxy;

export class Proxies {
  readonly #shared: Shared;
  readonly #targets: WeakMap<object, object>;

  constructor(shared: Shared) {
    this.#shared = shared;
    this.#targets = shared.targets;
  }

  /** False when Proxies may exist that were made unobserved. */
  get complete(): boolean {
    return this.#shared.complete;
  }

  isProxy(value: object): boolean {
    return apply(has, this.#targets, [value]);
  }

  targetOf(value: object): object | undefined {
    return apply(get, this.#targets, [value]) as object | undefined;
  }

  /** Replaces the `Proxy` constructor; the answer undoes it. */
  watch(mask: Mask): Undo | null {
    const targets = this.#targets;
    const wrapper = new NativeProxy(NativeProxy, {
      // A null prototype here too: the page's Object.prototype.apply is not a trap.
      __proto__: null,
      construct(native: typeof Proxy, args: [object, object]): object {
        const proxy = construct(native, args);
        apply(set, targets, [proxy, args[0]]);
        return proxy;
      },
    } as ProxyHandler<typeof Proxy>);
    const descriptor = getOwnPropertyDescriptor(globalThis, "Proxy");
    if (descriptor?.value !== NativeProxy) return null;
    mask.register(wrapper, NativeProxy);
    const undoRevocable = mask.replace(NativeProxy, "revocable", (native, self, args) => {
      const made = apply(native, self, args as never) as object;
      const proxy = ownValue(made, "proxy");
      if (typeof proxy === "object" || typeof proxy === "function") apply(set, targets, [proxy, args[0]]);
      return made;
    });
    return both(undoRevocable, swap(globalThis, "Proxy", descriptor, wrapper));
  }
}
