/**
 * Keys by which records are folded: neighbouring rows with the same key are shown as one row.
 *
 * A header that was read without its line has a key only if its type is enough for one.
 */
import type { Event } from "../../../src/web/types";
import { asNumber, asObject, asString } from "./record";

/** The key of a record that is never folded. */
export const NO_FOLD = 0;

const BLANK = "about:blank";
const NUMBER_OF_ERROR = /,"(?:exception|rejection)":\d+/;
const MOST_DEPTH = 63;
/** Texts of console lines that are kept to be recognised. Repeats are near each other. */
const MOST_CHARS = 2_000_000;
/** The records of one request that are one row, and those among them that say how it ended. */
const OF_REQUEST = /^network\.(?:call|request|redirect|response|response_body|failed)$/;
const ENDS_REQUEST = /^network\.(?:redirect|response|failed)$/;
const OPENS = ["nothing", "group", "collapsed group", "end"] as const;

/** How a record nests in console groups, as one number: the document, the open groups, and whether it opens or ends one. */
export interface Nest {
  /** 0 if the record is not of a console. */
  document: number;
  depth: number;
  opens: (typeof OPENS)[number];
}

/** Numbers of the texts that came last: thousands of lines are compared before the first of them is shown. */
export class TextNumbers {
  private readonly numbers = new Map<string, number>();
  private chars = 0;
  private last = 0;

  /** Returns the same number, above zero, for the same text. */
  of(text: string): number {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    if (this.chars > MOST_CHARS) {
      this.numbers.clear();
      this.chars = 0;
    }
    this.chars += text.length;
    this.numbers.set(text, ++this.last);
    return this.last;
  }
}

/** Returns the key of an event: of repeated console lines above zero, of a tab's own messages below zero. */
export function foldKey(session: number, event: Event, line: string, texts: TextNumbers): number {
  const { type, category } = event;
  if (category === "console") {
    if (opens(type) > 0 || type === "console.clear") return NO_FOLD;
    // All fields but the seq and the time, which the recorder writes first, and the number of an error in its document.
    const from = line.indexOf('"type":');
    const said = line.slice(from).replace(NUMBER_OF_ERROR, "");
    return from < 0 ? NO_FOLD : texts.of(`${session} ${said}`);
  }
  if (category !== "tab" && category !== "page") return NO_FOLD;
  const { tab_id = "", frame_id = "0" } = event.source.metadata ?? {};
  if ((event.url ?? asString(asObject(event.data).url)) === BLANK)
    return -hash(`${session} ${BLANK} ${tab_id}`);
  if (type === "page.history_updated") return frame_id === "0" ? routeKey(session, tab_id) : NO_FOLD;
  return type === "tab.updated" ? routeKey(session, tab_id) : NO_FOLD;
}

/** Returns the key of a header without its line. */
export function foldKeyOfType(session: number, type: string, tab: number): number {
  return type === "tab.updated" ? routeKey(session, String(tab)) : NO_FOLD;
}

/** Returns the key of the request that an event is about, or {@link NO_FOLD}. */
export function requestKey(session: number, event: Event): number {
  const { request_id } = event.source.metadata ?? {};
  if (request_id === undefined || !OF_REQUEST.test(event.type)) return NO_FOLD;
  return hash(`${session} request ${request_id}`);
}

/** Whether an event of this type says how its request has ended, as far as it is known. */
export function endsRequest(type: string): boolean {
  return ENDS_REQUEST.test(type);
}

function routeKey(session: number, tab: string): number {
  return -hash(`${session} route ${tab}`);
}

/** Packs a nest into 32 bits. `document` is the number of the event's document. */
export function packNest(document: number, event: Event): number {
  const depth = Math.min(MOST_DEPTH, asNumber(asObject(event.data).group_depth) ?? 0);
  return ((document & 0xffffff) << 8) | (depth << 2) | opens(event.type);
}

export function unpackNest(packed: number): Nest {
  return { document: packed >>> 8, depth: (packed >> 2) & MOST_DEPTH, opens: OPENS[packed & 3] ?? "nothing" };
}

function opens(type: string): number {
  return Math.max(0, ["", "console.group", "console.group_collapsed", "console.group_end"].indexOf(type));
}

/** Returns a hash of 53 bits that is not 0 (cyrb53). */
function hash(text: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0) || 1;
}
