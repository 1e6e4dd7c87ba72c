/**
 * The messages between the extension's parts: the hook in the page, the relay next to it, the worker, and the
 * extension's own pages.
 *
 * Hook and relay talk on a private channel: an `EventTarget` that belongs to no document. The hook hands it over once,
 * as the `relatedTarget` of a synchronous event at `document_start`, before any script of the page can listen; from
 * then on the page holds no reference to it, so it can neither read, block nor break what passes. Only strings
 * pass: an object would be cloned between the worlds, a string is not.
 */
import type { RedactionRules } from "../src/web/redaction.ts";
import type { CaptureConfig, CaptureConfigPatch, CollectorTarget, RecorderStatus } from "../src/web/types.ts";
import type { InPageCategory, Level } from "./capture.ts";

/** The event that hands the channel over; its first one is answered. */
export const OFFER = "tabtape:offer";
/** The relay's event that asks for the offer. */
export const ASK = "tabtape:ask";

/** The name of the hook's script in stacks and reports; see `extension/build.mjs`. */
export const HOOK_NAME = "tabtape/hook.js";

export type HookToRelay =
  /** Lines, joined by a line feed. */
  | "lines"
  /** Lines that tell of an error, to be posted in this task: it may be the page's last one. */
  | "urgent_lines"
  /** At a drain: the number of lines since the last one, a blank, and the microseconds that they took. */
  | "cost"
  /** A detail to keep: its number, a blank, and its line. See `relay/details.ts`. */
  | "detail"
  /** A request has failed, so the details that are kept are sent. */
  | "hand_over"
  /** `window.close()` is called, and nothing said once it closes arrives any more. */
  | "closing"
  /** The page has written its document anew, which removes every listener. */
  | "rewritten"
  /** Something cannot be recorded: a `reason` of `page.capture_limited`. */
  | "limited";

export type RelayToHook =
  /** Before the first config: the channel of a hook whose page shares objects with this one, in `relatedTarget`. */
  | "peer"
  /** A {@link HookConfig} as JSON; the first one is the acceptance of the offer. */
  | "config"
  /** An interaction was recorded, an `Interaction` of `page/causes.ts` as JSON. Its dispatch has only begun. */
  | "interaction"
  /** Give the page its own console back. */
  | "retire"
  /** `document.open()` has erased the window's listeners, add them again. */
  | "rearm"
  /** Hand over what is still buffered. With {@link LEAVING}, each line at once from now on. */
  | "drain";

export const LEAVING = "leaving";

/** The part of the capture config that the hook uses. */
export interface HookConfig {
  console: Level;
  /** Most bytes of one event's content. */
  max_event_bytes: number;
  /** The level at which `fetch` and `XMLHttpRequest` are observed. */
  requests: Level;
  /** Most bytes of the content of one event of them. */
  max_request_bytes: number;
  /** Whether the relay keeps details of events that are recorded at `standard`. */
  details: boolean;
  /** The document's scripts ran before the hook: its Proxies are unknown, so objects stay closed. */
  late: boolean;
}

/** The name of a relay's port to the worker, different from the ports of an extension that has imported us. */
export const RELAY_PORT = "tabtape_relay";

/** The part of the capture config that a relay uses. The level of `network` is that of `fetch` and `XMLHttpRequest`. */
export interface RelayConfig extends Record<InPageCategory, Level> {
  /** Most bytes of one event's content, by category. */
  max_event_bytes: Record<InPageCategory, number>;
  /** Whether details of events at `standard` are kept; see `relay/details.ts`. */
  details: boolean;
}

/** The page's cost of its events since its last report. */
interface CostReport {
  events?: number;
  micros?: number;
}

export interface LinesMessage {
  kind: "lines";
  relay: string;
  /** The number of the first line. */
  first: number;
  /** An event each. */
  lines: string;
  /** The relay has more that it has not sent. */
  more?: boolean;
  /** Messages that are not acknowledged, if they are many. */
  queued?: number;
}

export type RelayToWorker =
  | LinesMessage
  /** The document is left, and everything up to line `sent` was sent. */
  | ({ kind: "left"; relay: string; sent: number; acked: number } & CostReport)
  /** The answer to a ping: everything up to line `sent` was sent, and nothing else has been said. */
  | ({ kind: "pong"; relay: string; ping: number; sent: number; acked: number } & CostReport)
  /** A script closes the document's window. */
  | { kind: "closing"; relay: string };

export type WorkerToRelay =
  /** Everything up to line `ack` is committed. `seqs` are numbers of details, each with the seq of its event. */
  | { kind: "ack"; ack: number; seqs?: [id: number, seq: number][] }
  | { kind: "config"; config: RelayConfig }
  /** Send the details that are kept. */
  | { kind: "hand_over" }
  | { kind: "stop" }
  /** Is there anything that was not sent? See `worker/relays/heartbeat.ts`. */
  | { kind: "ping"; ping: number }
  /** Is there a relay? It takes this, and answers nothing. */
  | { kind: "probe" };

/** The pages whose source maps are read. `local`: of pages of this computer only. */
export const SOURCE_MAP_MODES = ["off", "local", "all"] as const;
export type SourceMapMode = (typeof SOURCE_MAP_MODES)[number];

/** A command to the worker from a page of the extension, answered by `{ ok }` or `{ error }`. */
export type Command =
  | { command: "status" }
  | { command: "start" }
  | { command: "stop" }
  | { command: "configure"; patch: CaptureConfigPatch }
  | { command: "redact"; rules: RedactionRules }
  | { command: "connect"; collector: CollectorTarget | null }
  | { command: "pair"; url: string; code: string }
  | { command: "open_viewer" }
  | { command: "viewer_link" }
  | { command: "flush" }
  | { command: "forget"; site: string }
  | { command: "mark"; note: string }
  | { command: "screenshot" }
  | { command: "approve"; extension_id: string; approved: boolean }
  | { command: "debug"; tab_id: number | "all"; on: boolean }
  | { command: "screenshots"; on_error: boolean; on_action: boolean }
  | { command: "retroactive_detail"; on: boolean; selector: string }
  | { command: "source_maps"; mode: SourceMapMode };

/** The answers that our pages read. */
export interface Answers {
  status: Status;
  forget: Forgotten;
  viewer_link: string;
}

export interface Status {
  recording: boolean;
  failure: string | null;
  recorder: RecorderStatus | null;
  /** Null if the core cannot be loaded, or refuses the stored settings. */
  config: CaptureConfig | null;
  collector_url: string | null;
  approved_extensions: string[];
  asking_extensions: string[];
  debugger: { available: boolean; all_tabs: boolean; tab_ids: number[] };
  screenshot_on_error: boolean;
  screenshot_on_action: boolean;
  source_maps: SourceMapMode;
  retroactive_detail: boolean;
  retroactive_selector: string;
  redaction: RedactionRules;
}

export interface Forgotten {
  /** Events that went from the logs. */
  here: number;
  /** Events that went from the store; null without a store, or `left` says why it was not asked. */
  stored: number | null;
  left: string | null;
}
