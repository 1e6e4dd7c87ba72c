/**
 * The handover from an orphaned relay to its successor.
 *
 * After an extension reload the old relay lives on in its document, without its extension, with messages that
 * were never acknowledged; the reloaded extension injects a new relay into the same document, in a world of its own.
 * The two share the document and nothing else, and so does the page: it may see the successor's claim, and make one.
 *
 * Hence the orphan puts a secret into a closed shadow root, where only content scripts of a living extension can look
 * (`chrome.dom.openOrClosedShadowRoot`), and says what it leaves in events whose type is that secret: a page cannot
 * listen for what it cannot name. An orphan cannot prove itself the same way. A page that has got in front of it (it was
 * open before recording began, or `document.open()` has erased every listener) may answer in its stead, and so forge
 * what it can forge anyway, console, page and interaction events of its own document; or keep the orphan's to itself.
 */
import { isExtensionAlive } from "./connection.ts";
import type { PendingMessages } from "./pending_messages.ts";
import { LIMITS, MAX_DROP } from "./queue.ts";

const CLAIM = "tabtape:claim";
const HANDOVER = "tabtape:handover";

/** The messages of an orphan, and of the relays before it that it has inherited. */
const MAX_LEGACIES = 8;

const XHTML = "http://www.w3.org/1999/xhtml";
const CATEGORIES = ["console", "network", "page", "interaction"];

export interface Handover {
  pending: PendingMessages[];
  /** The channel of the MAIN-world hook, which continues until a new hook replaces it. */
  hook: EventTarget | null;
}

/** Returns a listener of claims. It calls `leave`, which empties the orphan, once a claimant has proved its identity. */
export function answerClaims(leave: () => Handover): (event: Event) => void {
  return (event) => {
    const claimant = event instanceof MouseEvent ? event.relatedTarget : null;
    if (claimant === null || isExtensionAlive()) return;
    event.stopImmediatePropagation();
    const secret = randomId();
    const holder = document.createElementNS(XHTML, "div");
    // A comment: text could be rendered, and then found by a page that puts the holder into its document.
    holder.attachShadow({ mode: "closed" }).append(document.createComment(secret));
    const opened = (): void => {
      const { pending, hook } = leave();
      holder.dispatchEvent(new MouseEvent(`${secret}:hook`, { relatedTarget: hook }));
      holder.dispatchEvent(new CustomEvent(`${secret}:pending`, { detail: JSON.stringify(pending) }));
    };
    holder.addEventListener(secret, opened, { once: true });
    claimant.dispatchEvent(new MouseEvent(HANDOVER, { relatedTarget: holder }));
  };
}

/** Returns the handover of an orphaned relay in this document; empty if nothing was left. */
export function takeHandover(): Handover {
  const handover: Handover = { pending: [], hook: null };
  const claimant = new EventTarget();
  const open = (event: Event): void => {
    const holder = event instanceof MouseEvent ? event.relatedTarget : null;
    if (!(holder instanceof HTMLElement)) return;
    const secret = chrome.dom.openOrClosedShadowRoot(holder)?.firstChild?.nodeValue;
    if (!secret) return;
    holder.addEventListener(`${secret}:hook`, (left) => (handover.hook = (left as MouseEvent).relatedTarget));
    holder.addEventListener(`${secret}:pending`, (left) => {
      const pending = JSON.parse((left as CustomEvent<string>).detail) as PendingMessages[];
      handover.pending = pending.slice(0, MAX_LEGACIES).filter(isPendingMessages);
    });
    holder.dispatchEvent(new Event(secret));
  };
  claimant.addEventListener(HANDOVER, open, { once: true });
  window.dispatchEvent(new MouseEvent(CLAIM, { relatedTarget: claimant }));
  return handover;
}

export function listenForClaims(listener: (event: Event) => void, until: AbortSignal): void {
  window.addEventListener(CLAIM, listener, { capture: true, signal: until });
}

/** 128 random bits; `crypto.randomUUID` is missing where a page came over plain HTTP. */
export function randomId(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** Whether a relay can have left this: a page may have made it up. */
function isPendingMessages({ relay, first, window, lanes }: PendingMessages): boolean {
  return (
    /^[0-9a-f]{32}$/.test(relay) &&
    Number.isSafeInteger(first) &&
    first >= 1 &&
    isLines(window) &&
    lanes.length <= CATEGORIES.length &&
    lanes.every(
      ({ category, lines, dropped }) =>
        CATEGORIES.includes(category) &&
        isLines(lines) &&
        Number.isSafeInteger(dropped) &&
        dropped >= 0 &&
        dropped <= MAX_DROP,
    )
  );
}

function isLines(lines: unknown): boolean {
  // A document that is left posts every lane at once: a window may hold all of them.
  const most = CATEGORIES.length + 1;
  const { maxMessages, maxLength } = LIMITS;
  if (!Array.isArray(lines) || lines.length > most * maxMessages) return false;
  let length = 0;
  return lines.every((line) => {
    if (typeof line !== "string" || line.includes("\n")) return false;
    length += line.length;
    return length <= most * maxLength;
  });
}
