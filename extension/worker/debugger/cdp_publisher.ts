/** The debugger as the producers of its events use it. */
import type { DetailLevel, Recorder } from "../../../src/web/types.ts";

export type Source = chrome.debugger.DebuggerSession;
export type Params = Record<string, unknown>;

/** The fields of an event that not all events of a message of the protocol have in common. */
export interface CdpEvent {
  ts: number;
  type: string;
  /** Besides that of the tab. */
  metadata?: Record<string, string>;
  url: string | undefined;
  data: unknown;
  isTruncated: boolean;
}

/** Makes an event at a level. */
export type MakeCdpEvent = (level: DetailLevel, recorder: Recorder) => CdpEvent | null;

export interface CdpPublisher {
  /** Publishes an event of a message of the protocol at the category's level, if the tab is recorded at all. */
  publish(tabId: number, category: "network" | "console", method: string, make: MakeCdpEvent): void;
  send(source: Source, method: string, params?: Params): Promise<Params>;
  /** The address of the tab's page. */
  page(tabId: number): string | undefined;
  maxEventBytes(category: "network" | "console"): number;
}
