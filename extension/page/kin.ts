/**
 * What the hooks of documents know together that can hand each other objects: a page and its frames of the same origin,
 * and windows it has opened.
 */

import { SHARE } from "../channel.ts";
import { ask, customEventDetail, listen, read } from "./natives.ts";

export interface Shared {
  /** Of each Proxy. */
  targets: WeakMap<object, object>;
  /** Of each stand-in, the built-in it stands for. */
  originals: WeakMap<object, object>;
  /** False when Proxies may exist that nobody saw being made. */
  complete: boolean;
}

/**
 * What the hook on the channel `kin` knows, or a beginning; and from now on it is had by who asks on `channel`. No page
 * has a channel: it could read the targets of other people's Proxies.
 */
export function share(channel: EventTarget, kin: EventTarget | null, complete: boolean): Shared {
  const shared = ((kin === null ? null : ask(kin, SHARE)) ?? {
    __proto__: null,
    targets: new WeakMap(),
    originals: new WeakMap(),
    complete: true,
  }) as Shared;
  if (!complete) shared.complete = false;
  listen(channel, SHARE, (event: CustomEvent) => {
    const question = read(customEventDetail, event) as { answer: unknown };
    question.answer = shared;
  });
  return shared;
}
