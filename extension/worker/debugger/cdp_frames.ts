/**
 * Maps frames and documents of the DevTools protocol to those of Chrome's extension API.
 *
 * The protocol has names of its own. The top-level frame's is the tab's target id; any other is learned from its
 * first request that chrome.webRequest reports too, before or after the protocol. A document is a loader there; which
 * one it is shows once the frame has another document than it had when the loader began. Unknown fields are left out.
 */

import { type DebuggedRequests, seenKey } from "../producers/debugged_requests.ts";
import { remember } from "../remember.ts";
import type { Documents } from "../state/documents.ts";
import type { CdpTargets } from "./cdp_targets.ts";

const MAX_KNOWN = 5_000;

export interface CdpRequest {
  /** The fields of webRequest. */
  place: Record<string, string> | undefined;
  tabId: number;
  url: string;
  /** Null for requests of workers. */
  frameId: string | null;
  loaderId: string;
}

interface Loader {
  /** The document in the frame when the request began. */
  before: string | undefined;
  documentId: string | undefined;
}

interface Asker {
  frameId: string;
  /** The loader of the document, if the request was for the document itself. */
  loader: Loader | null;
}

export class CdpFrames {
  readonly #mainFrames = new Map<number, string>();
  /** Chrome's frame ids by `tab:protocol's id`. */
  readonly #frames = new Map<string, number>();
  readonly #loaders = new Map<string, Loader>();
  /**
   * Frames whose request the protocol reported before webRequest did, by `tab:address`; null if several frames have
   * requested the address.
   */
  readonly #asked = new Map<string, Asker | null>();

  constructor(
    private readonly documents: Documents,
    readonly webRequest: DebuggedRequests,
    private readonly targets: CdpTargets,
  ) {
    webRequest.onSeen = (tabId, url, { frame_id }) => this.#learn(tabId, url, frame_id);
  }

  attached(tabId: number, targetId: string): void {
    this.#mainFrames.set(tabId, targetId);
  }

  forget(tabId: number): void {
    this.#mainFrames.delete(tabId);
    for (const known of [this.#frames, this.#loaders, this.#asked])
      for (const key of known.keys()) if (key.startsWith(`${tabId}:`)) known.delete(key);
  }

  /** Whether a request that the protocol has not seen begin is webRequest's. */
  isElsewhere(source: { sessionId?: string | undefined }, tabId: number): boolean {
    // Requests of frames and workers with their own session may begin before that session.
    return source.sessionId === undefined && this.webRequest.ownsInFlight(tabId);
  }

  /** The tab of a session's requests as webRequest has it. */
  webRequestTab(source: { sessionId?: string | undefined }, tabId: number): number {
    return this.targets.isShared(source.sessionId) ? chrome.tabs.TAB_ID_NONE : tabId;
  }

  /** Frame, document, parent and navigation, as far as they are known. */
  metadata(request: CdpRequest, isNavigation: boolean): Record<string, string> {
    const { tabId, url, frameId, loaderId } = request;
    const seen = request.place ?? this.webRequest.seen(tabId, url)?.metadata ?? {};
    if (frameId === null) return seen;
    const frame = this.#frameOf(tabId, frameId, seen.frame_id);
    // A document that is left asks for more than the one that its frame shows next.
    if (!isNavigation && request.place?.document_id !== undefined)
      return { ...request.place, cdp_frame_id: frameId };
    const shown = frame === undefined ? undefined : this.documents.shownIn(tabId, frame);
    const loader = this.#loader(`${tabId}:${loaderId}`, isNavigation ? shown : undefined);
    if (frame === undefined) {
      this.#ask(seenKey(tabId, url), { frameId, loader: isNavigation ? loader : null });
      return { cdp_frame_id: frameId };
    }
    const isSeen = seen.frame_id === `${frame}`;
    // The commit of a frame may be reported later than its document's requests.
    const asker = isSeen && !isNavigation ? seen.document_id : undefined;
    loader.documentId ??= [shown, asker].find((one) => one !== loader.before && one !== undefined);
    const { documentId } = loader;
    const navigationId = this.documents.navigationOf(tabId, frame, documentId);
    return {
      frame_id: `${frame}`,
      ...(documentId === undefined ? {} : { document_id: documentId }),
      ...(this.documents.parentsOf(documentId) ?? (isSeen ? parentsIn(seen) : {})),
      ...(navigationId === undefined ? {} : { navigation_id: navigationId }),
      cdp_frame_id: frameId,
    };
  }

  #frameOf(tabId: number, frameId: string, seen: string | undefined): number | undefined {
    if (this.#mainFrames.get(tabId) === frameId) return 0;
    const key = `${tabId}:${frameId}`;
    const known = this.#frames.get(key);
    if (known !== undefined || seen === undefined) return known;
    remember(this.#frames, key, Number(seen), MAX_KNOWN);
    return Number(seen);
  }

  #ask(key: string, asker: Asker): void {
    const before = this.#asked.get(key);
    const isAlone = before === undefined || before?.frameId === asker.frameId;
    remember(this.#asked, key, isAlone ? asker : null, MAX_KNOWN);
  }

  #learn(tabId: number, url: string, seen: string | undefined): void {
    const key = seenKey(tabId, url);
    const asker = this.#asked.get(key);
    this.#asked.delete(key);
    if (asker === undefined || asker === null) return;
    const frame = this.#frameOf(tabId, asker.frameId, seen);
    if (asker.loader !== null && frame !== undefined)
      asker.loader.before = this.documents.shownIn(tabId, frame);
  }

  /** One that was there before we were is the one that shows: nothing was before it. */
  #loader(key: string, before: string | undefined): Loader {
    const known = this.#loaders.get(key);
    if (known !== undefined) return known;
    const loader: Loader = { before, documentId: undefined };
    remember(this.#loaders, key, loader, MAX_KNOWN);
    return loader;
  }
}

function parentsIn(metadata: Record<string, string>): Record<string, string> {
  const names = ["parent_frame_id", "parent_document_id"];
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => names.includes(name)));
}
