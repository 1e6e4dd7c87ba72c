/** The steps of one request that webRequest reports. */
import type { EventInput } from "../../../src/web/types.ts";

/** A response that was published when it began to stream has an `end` of its own. */
export type Step = "request" | "redirect" | "response" | "end";

/** The response's headers, as webRequest has them. */
export interface Answer {
  status: number;
  statusLine: string;
  headers: [string, string][];
}

export interface WebRequestId {
  id: string;
  tabId: number;
  url: string;
  method: string;
  /** Null if it began before this worker. */
  startedMs: number | null;
}

export interface WebRequestStep {
  step: Step;
  /** The request has ended with this step: `response` if its body has arrived. */
  outcome: "response" | "failed" | null;
  answer: Answer | null;
  input: EventInput;
}
