/**
 * Documents of one origin hand each other objects: a Proxy made in a frame may be logged in the page around it. Their
 * hooks share what they know (see page/shared_realm.ts), so each is led to the nearest one that was there before it.
 *
 * Relays find each other where no page can see: the isolated worlds of one extension in documents of one origin are
 * open to each other.
 */
import type { RelayGlobal } from "./settings.ts";

/** The channel of the hook of the nearest document around this one, or that opened it. */
export function nearestPeerHook(): EventTarget | null {
  for (let around: Window = window; around.parent !== around; ) {
    around = around.parent;
    const peer = hookOf(around);
    if (peer !== null) return peer;
  }
  const opener = window.top?.opener as Window | null | undefined;
  return opener ? hookOf(opener) : null;
}

function hookOf(other: Window): EventTarget | null {
  try {
    // Throws where it is of another origin.
    if (other.document === null) return null;
    // An own property: an element or a frame of the page with this name does not count.
    const relay = Object.getOwnPropertyDescriptor(other, "tabtapeRelay")
      ?.value as RelayGlobal["tabtapeRelay"];
    return relay?.hookChannel ?? null;
  } catch {
    return null;
  }
}
