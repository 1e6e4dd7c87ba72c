/**
 * The capture config of a relay before its worker has answered.
 *
 * A content script gets no arguments, and the first inline script does not wait: so the registration puts one tiny
 * script a category in front of the relay (`levels/console-verbose.js`, written by the build), and injection into
 * tabs that are open already sets the same global. It belongs to the isolated world, where no page can see it.
 */
import type { HookLevel } from "../channel.ts";

export interface RelaySettings {
  console: HookLevel;
  /** Whether `fetch` and `XMLHttpRequest` are observed. */
  network: HookLevel;
  page: HookLevel;
  interaction: HookLevel;
  /** Most bytes of one event's content, by category. */
  max_event_bytes: { console: number; network: number; page: number; interaction: number };
  /** Whether details of events at `standard` are kept; see `details.ts`. */
  details: boolean;
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
  max_event_bytes: { console: 65_536, network: 262_144, page: 65_536, interaction: 65_536 },
  details: false,
  late: false,
};
