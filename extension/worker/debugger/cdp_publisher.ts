/** The debugger as the producers of its events use it. */
import type { DetailLevel, EventInput, Recorder } from "../../../src/web/types.ts";

export type Source = chrome.debugger.DebuggerSession;
export type Params = Record<string, unknown>;

export interface CdpPublisher {
  /** Publishes what `make` returns at the category's level, if the tab is recorded at all. */
  publish(
    tabId: number,
    category: "network" | "console",
    make: (level: DetailLevel, recorder: Recorder) => EventInput | null,
  ): void;
  send(source: Source, method: string, params?: Params): Promise<Params>;
  metadata(tabId: number): Record<string, string>;
  /** The address of the tab's page, as an event has it. */
  page(tabId: number): { url?: string };
  maxEventBytes(category: "network" | "console"): number;
}
