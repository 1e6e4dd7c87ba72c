/**
 * The capture config of a relay before its worker has answered.
 *
 * A content script gets no arguments, and the first inline script does not wait: so the registration puts one tiny
 * script a category in front of the relay (`levels/console-verbose.js`, written by the build), and injection into
 * tabs that are open already sets the same global. It belongs to the isolated world, where no page can see it.
 */
import { EVENT_BYTES, NETWORK_EVENT_BYTES } from "../capture.ts";
import type { RelayConfig } from "../protocol.ts";

export interface RelaySettings extends RelayConfig {
  /** The document's scripts ran before the relay. */
  late: boolean;
}

export interface RelayGlobal {
  tabtapeSettings?: Partial<RelaySettings>;
  /** The running relay: a second run of the script finds it and changes its settings only. */
  tabtapeRelay?: {
    configure(settings: Partial<RelaySettings>): void;
    readonly hookChannel: EventTarget | null;
    readonly isLate: boolean;
  };
}

export const relayGlobal = globalThis as unknown as RelayGlobal;

/** Only what is our own: an element of such an id would be a property of the window, too. */
export function ours<K extends keyof RelayGlobal>(name: K): RelayGlobal[K] | undefined {
  return Object.hasOwn(relayGlobal, name) ? relayGlobal[name] : undefined;
}

export const DEFAULT_SETTINGS: RelaySettings = {
  console: "standard",
  network: "standard",
  page: "standard",
  interaction: "standard",
  max_event_bytes: {
    console: EVENT_BYTES,
    network: NETWORK_EVENT_BYTES,
    page: EVENT_BYTES,
    interaction: EVENT_BYTES,
  },
  details: false,
  late: false,
};
