/**
 * Names of the private channel between the MAIN-world hook and the isolated relay.
 *
 * The channel itself is an `EventTarget` that belongs to no document. The hook hands it over once, as the
 * `relatedTarget` of a synchronous event at `document_start`, before any script of the page can listen; from
 * then on the page holds no reference to it, so it can neither read, block nor break what passes. Only strings
 * pass: an object would be cloned between the worlds, a string is not. Only between two hooks, which are in one world,
 * an object passes.
 */
export const OFFER = "tabtape:offer";
export const ASK = "tabtape:ask";

/** The name of the hook's script in stacks and reports; see `extension/build.mjs`. */
export const HOOK_NAME = "tabtape/hook.js";
/** Hook → relay: lines, joined by a line feed. */
export const LINES = "lines";
/** Hook → relay: lines that tell of an error, to be posted in this task: it may be the page's last one. */
export const URGENT_LINES = "urgent_lines";
/** Hook → relay, at a drain: the number of lines since the last one, and the microseconds that they took. */
export const COST = "cost";
/** Hook → relay: a detail to keep, its number, a blank, and its line. See `relay/details.ts`. */
export const DETAIL = "detail";
/** Hook → relay: a request has failed, so the details that are kept are sent. */
export const HAND_OVER = "hand_over";
/** Hook → relay: `window.close()` is called, and nothing said once it closes arrives any more. */
export const CLOSING = "closing";
/** Hook → relay: the page has written its document anew, which removes every listener. */
export const REWRITTEN = "rewritten";
/** Hook → relay: why something cannot be recorded, a `reason` of `page.capture_limited`. */
export const LIMITED = "limited";
/** Relay → hook, before its config: the channel of a hook whose page shares objects with this one, in `relatedTarget`. */
export const PEER = "peer";
/** Hook → hook, on the channel of the other: what do you know of Proxies and wrappers? */
export const SHARE = "share";
/** Relay → hook: a {@link HookConfig} as JSON; the first one is the acceptance of the offer. */
export const CONFIG = "config";
/** Relay → hook: an interaction was recorded, an `Interaction` of `page/causes.ts` as JSON. Its dispatch has only begun. */
export const INTERACTION = "interaction";
/** Relay → hook: give the page its own console back. */
export const RETIRE = "retire";
/** Relay → hook: `document.open()` has erased the window's listeners, add them again. */
export const REARM = "rearm";
/** Relay → hook: hand over what is still buffered. With detail `LEAVING`, each line at once from now on. */
export const DRAIN = "drain";
export const LEAVING = "leaving";

export type HookLevel = "off" | "minimal" | "standard" | "verbose" | "raw";

/** The part of the capture config that the hook uses. */
export interface HookConfig {
  console: HookLevel;
  /** Most bytes of one event's content. */
  max_event_bytes: number;
  /** The level at which `fetch` and `XMLHttpRequest` are observed. */
  requests: HookLevel;
  /** Most bytes of the content of one event of them. */
  max_request_bytes: number;
  /** Whether the relay keeps details of events that are recorded at `standard`. */
  details: boolean;
  /** The document's scripts ran before the hook: its Proxies are unknown, so objects stay closed. */
  late: boolean;
}
