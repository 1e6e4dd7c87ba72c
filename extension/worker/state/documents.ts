/**
 * The navigation of each document, its current address, and its place among frames.
 *
 * `navigation_id` is given when a navigation starts and is carried by every event until the frame's next one. A
 * document outlives the worker that saw it begin, so all this is mirrored to `chrome.storage.session`, a batch at a
 * time, and read again before the next worker records anything.
 */
import { beginning, MAX_URL_BYTES, newest } from "../budget.ts";
import type { Tabs } from "../producers/tabs.ts";
import { remember } from "../remember.ts";

const KEY = "tabtape_documents";
/** No event reports the end of a document: the oldest are forgotten. */
const MAX_KNOWN = 5_000;
const MAX_MIRRORED = 1_000;
/** Limit of each of the two mirrors; storage.session has 10 MB in all. Usually they use some 100 KB. */
const MAX_MIRRORED_CHARS = 1_000_000;
const MIRROR_AFTER_MS = 100;

/** The place of a document, as far as it is given. */
interface Located {
  tabId: number;
  frameId: number;
  documentId?: string | undefined;
  parentFrameId?: number | undefined;
  parentDocumentId?: string | undefined;
}

/** Fields that all or some details of webNavigation have. */
export interface Place extends Located {
  timeStamp: number;
}

interface Frame {
  tabId: number;
  navigationId: string;
  /** Whether its start was observed. */
  hasStart?: boolean;
  /** The one before until the navigation has committed. */
  documentId: string | null;
  isCommitted: boolean;
}

interface Document {
  tabId: number;
  /** Its frame; a prerendered document gets another one when it is shown. */
  frameId?: number;
  /** Null if it began before recording. */
  navigationId: string | null;
  hasStart?: boolean;
  parent: Record<string, string>;
  /** Null while it is where its navigation led to. */
  url: string | null;
}

interface Mirror {
  frames: [string, Frame][];
  documents: [string, Document][];
}

export class Documents {
  /** By `tab:frame`. */
  #frames = new Map<string, Frame>();
  /** By document id. */
  #documents = new Map<string, Document>();
  #isRestored = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly tabs: Tabs) {}

  /** Takes over what the worker before knew. What has been seen meanwhile is newer. */
  async restore(): Promise<void> {
    if (this.#isRestored) return;
    const stored = (await chrome.storage.session.get(KEY))[KEY] as Mirror | undefined;
    this.#isRestored = true;
    for (const [key, before] of stored?.frames ?? []) this.#mergePendingNavigation(key, before);
    this.#frames = new Map([...(stored?.frames ?? []), ...this.#frames]);
    this.#documents = new Map([...(stored?.documents ?? []), ...this.#documents]);
    this.#mirrorSoon();
  }

  /** Returns a function that gives the result of `make` now, or after the mirror has been read. */
  snapshotUntilRestored<T>(make: () => T): () => T {
    if (!this.#isRestored) return make;
    const made = make();
    return () => made;
  }

  started(place: Place): void {
    // A download leaves the document where it is.
    const documentId = this.shownIn(place.tabId, place.frameId) ?? null;
    this.#setFrame(place, { navigationId: newId(place), hasStart: true, documentId, isCommitted: false });
  }

  committed(place: Place): void {
    const frame = this.#frames.get(keyOf(place));
    // Some documents (blob: frames, for one) commit without having been told to start.
    const hasStart = frame !== undefined && !frame.isCommitted;
    const navigationId = hasStart ? frame.navigationId : newId(place);
    this.#setFrame(place, {
      navigationId,
      hasStart,
      documentId: place.documentId ?? null,
      isCommitted: true,
    });
    if (place.documentId === undefined) return;
    // Out of the back/forward cache it comes to where it had moved.
    const url = this.#documents.get(place.documentId)?.url ?? null;
    const { tabId, frameId } = place;
    const document = { tabId, frameId, navigationId, hasStart, parent: parentOf(place), url };
    remember(this.#documents, place.documentId, document, MAX_KNOWN);
  }

  /** Single-page applications move without a new document. */
  moved(place: Place, url: string): void {
    const { tabId, frameId, documentId } = place;
    if (documentId === undefined) return;
    const navigationId = this.navigationOf(tabId, frameId, documentId) ?? null;
    const hasStart = this.#documents.get(documentId)?.hasStart ?? false;
    const parent = parentOf(place);
    const moved = { tabId, frameId, navigationId, hasStart, parent, url: beginning(url, MAX_URL_BYTES) };
    remember(this.#documents, documentId, moved, MAX_KNOWN);
    this.#mirrorSoon();
  }

  forgetTab(tabId: number): void {
    for (const [key, frame] of this.#frames) if (frame.tabId === tabId) this.#frames.delete(key);
    this.#mirrorSoon();
  }

  navigationOf(tabId: number, frameId: number, documentId?: string): string | undefined {
    const document = documentId === undefined ? undefined : this.#documents.get(documentId);
    return document?.navigationId ?? this.#frames.get(`${tabId}:${frameId}`)?.navigationId;
  }

  /** Returns the place of a document among tabs, windows and frames, and its navigation. */
  metadata(
    { tabId, frameId, documentId, ...parents }: Located,
    parent = parentOf(parents),
  ): Record<string, string> {
    const navigation = this.navigationOf(tabId, frameId, documentId);
    return {
      ...this.tabs.metadata(tabId),
      frame_id: `${frameId}`,
      ...(documentId === undefined ? {} : { document_id: documentId }),
      ...parent,
      ...(navigation === undefined ? {} : { navigation_id: navigation }),
    };
  }

  /** Returns the navigation that led to a document, or that its frame makes, if its start was observed. */
  causeOf({ tabId, frameId, documentId }: Place): string | undefined {
    const document = documentId === undefined ? undefined : this.#documents.get(documentId);
    const { navigationId, hasStart } = document ?? this.#frames.get(`${tabId}:${frameId}`) ?? {};
    return hasStart === true ? (navigationId ?? undefined) : undefined;
  }

  /** The document a frame shows. */
  shownIn(tabId: number, frameId: number): string | undefined {
    return this.#frames.get(`${tabId}:${frameId}`)?.documentId ?? undefined;
  }

  /** Returns the frame of a document, also of one that is being left. */
  frameOf(documentId: string | undefined): number | undefined {
    return documentId === undefined ? undefined : this.#documents.get(documentId)?.frameId;
  }

  /** Returns the current address of a document, if it has changed. */
  urlOf(documentId: string | undefined): string | undefined {
    return (documentId === undefined ? undefined : this.#documents.get(documentId)?.url) ?? undefined;
  }

  /** chrome.webNavigation.getFrame does not answer for all documents. */
  parentsOf(documentId: string | undefined): Record<string, string> | undefined {
    return documentId === undefined ? undefined : this.#documents.get(documentId)?.parent;
  }

  /** A navigation that the worker before saw start may have committed in this one already. */
  #mergePendingNavigation(key: string, before: Frame): void {
    const now = this.#frames.get(key);
    if (before.isCommitted || now === undefined || !now.isCommitted) return;
    now.navigationId = before.navigationId;
    now.hasStart = before.hasStart ?? false;
    const document = now.documentId === null ? undefined : this.#documents.get(now.documentId);
    if (document === undefined) return;
    document.navigationId = before.navigationId;
    document.hasStart = now.hasStart;
  }

  #setFrame(place: Place, frame: Omit<Frame, "tabId">): void {
    remember(this.#frames, keyOf(place), { tabId: place.tabId, ...frame }, MAX_KNOWN);
    this.#mirrorSoon();
  }

  #mirrorSoon(): void {
    // Until then nothing is recorded, and the mirror is still to be read.
    if (!this.#isRestored) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void chrome.storage.session.set({ [KEY]: this.#mirror() }).catch(() => {
        // Full: the next worker has less state.
      });
    }, MIRROR_AFTER_MS);
  }

  /** Returns the state for the next worker, without closed tabs: only their last messages need their documents. */
  #mirror(): Mirror {
    const isOpen = ([, { tabId }]: [string, { tabId: number }]) => this.tabs.url(tabId) !== undefined;
    return {
      frames: newest([...this.#frames].filter(isOpen).slice(-MAX_MIRRORED), MAX_MIRRORED_CHARS),
      documents: newest([...this.#documents].filter(isOpen).slice(-MAX_MIRRORED), MAX_MIRRORED_CHARS),
    };
  }
}

function keyOf({ tabId, frameId }: Place): string {
  return `${tabId}:${frameId}`;
}

function newId({ tabId, frameId, timeStamp }: Place): string {
  return `${tabId}.${frameId}.${Math.round(timeStamp)}`;
}

export function parentOf(
  details: Pick<Located, "parentFrameId" | "parentDocumentId">,
): Record<string, string> {
  return {
    ...(details.parentFrameId === undefined || details.parentFrameId < 0
      ? {}
      : { parent_frame_id: `${details.parentFrameId}` }),
    ...(details.parentDocumentId === undefined ? {} : { parent_document_id: details.parentDocumentId }),
  };
}
