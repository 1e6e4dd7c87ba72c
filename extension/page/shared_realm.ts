/**
 * The state that hooks share if their documents can pass objects to each other: a page, its frames of the same origin,
 * and the windows that it has opened.
 */

import { ask, customEventDetail, listen, read } from "./natives.ts";

/** Hook to hook, on the channel of the other: asks for what it shares. They are in one world, so an object passes. */
const SHARE = "share";

export interface Shared {
  /** The target of each Proxy. */
  targets: WeakMap<object, object>;
  /** The built-in function that each wrapper replaces. */
  originals: WeakMap<object, object>;
  /** The kind of the objects that inherit from a prototype, of every document. */
  kinds: WeakMap<object, unknown>;
  /** The fields that are shown of the platform's objects, by prototype. */
  fields: WeakMap<object, unknown>;
  /** The getters of `stack` of each document; with it, whether that document's page formats stacks itself. */
  stackGetters: WeakMap<object, unknown>;
  /** Getters of the platform that may be run for the name and the message of an error. */
  errorGetters: WeakMap<object, unknown>;
  /** False when Proxies may exist whose creation was not observed. */
  complete: boolean;
}

/**
 * Returns the shared state: taken from the hook on the channel `peer`, or new without one. Later hooks obtain it by
 * asking on `channel`. A page gets no channel, because it could read the targets of other documents' Proxies.
 */
export function share(channel: EventTarget, peer: EventTarget | null, complete: boolean): Shared {
  const shared = ((peer === null ? null : ask(peer, SHARE)) ?? {
    __proto__: null,
    targets: new WeakMap(),
    originals: new WeakMap(),
    complete: true,
  }) as Shared;
  // A hook of an earlier build has not made them.
  shared.kinds ??= new WeakMap();
  shared.fields ??= new WeakMap();
  shared.stackGetters ??= new WeakMap();
  shared.errorGetters ??= new WeakMap();
  if (!complete) shared.complete = false;
  listen(channel, SHARE, (event: CustomEvent) => {
    const question = read(customEventDetail, event) as { answer: unknown };
    question.answer = shared;
  });
  return shared;
}
