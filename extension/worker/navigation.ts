/**
 * `page.navigation_*` and `page.history_updated`, and which navigation each document belongs to.
 *
 * `navigation_id` is given when a navigation starts and is carried by every event until the frame's next one.
 */

import { climb, type Ladder, levelOf } from "./levels.ts";
import type { RecorderOwner } from "./recorder.ts";
import type { Scope } from "./scope.ts";
import type { Tabs } from "./tabs.ts";

interface Details {
  tabId: number;
  frameId: number;
  url: string;
  timeStamp: number;
  documentId?: string;
  parentFrameId?: number;
  parentDocumentId?: string;
  frameType?: string;
  documentLifecycle?: string;
}

export interface NavigationListener {
  started(tabId: number): void;
  domContentLoaded(tabId: number, metadata: Record<string, string>, url: string): void;
  loaded(tabId: number): void;
}

const MAX_KNOWN = 5_000;

export class Navigation {
  readonly #owner: RecorderOwner;
  readonly #scope: Scope;
  readonly #tabs: Tabs;
  readonly #main: NavigationListener;
  /** Navigation ids by `tab:frame`, and by document once committed. */
  readonly #ids = new Map<string, string>();
  readonly #committedIds = new Set<string>();
  /** Where documents have moved to since. */
  readonly #urls = new Map<string, string>();
  /** The place of documents among frames: chrome.webNavigation.getFrame does not answer for all of them. */
  readonly #parents = new Map<string, Record<string, string>>();

  constructor(owner: RecorderOwner, scope: Scope, tabs: Tabs, main: NavigationListener) {
    this.#owner = owner;
    this.#scope = scope;
    this.#tabs = tabs;
    this.#main = main;
  }

  idOf(tabId: number, frameId: number, documentId?: string): string | undefined {
    return (
      (documentId === undefined ? undefined : this.#ids.get(documentId)) ??
      this.#ids.get(`${tabId}:${frameId}`)
    );
  }

  /** Where a document is now; single-page applications move without a new document. */
  urlOf(documentId: string | undefined): string | undefined {
    return documentId === undefined ? undefined : this.#urls.get(documentId);
  }

  parentsOf(documentId: string | undefined): Record<string, string> | undefined {
    return documentId === undefined ? undefined : this.#parents.get(documentId);
  }

  listen(): void {
    const navigation = chrome.webNavigation;
    navigation.onBeforeNavigate.addListener((details) => {
      remember(this.#ids, keyOf(details), newId(details));
      if (details.frameId === 0) this.#main.started(details.tabId);
      this.#publish("navigation_started", "webNavigation.onBeforeNavigate", details, {});
    });
    navigation.onCommitted.addListener((details) => {
      this.#committed(details);
      this.#publish("navigation_committed", "webNavigation.onCommitted", details, {
        minimal: { transition: details.transitionType },
        standard: { qualifiers: details.transitionQualifiers },
      });
    });
    navigation.onDOMContentLoaded.addListener((details) => {
      this.#publish("navigation_dom_content_loaded", "webNavigation.onDOMContentLoaded", details, {});
      if (details.frameId === 0)
        this.#main.domContentLoaded(details.tabId, this.#metadata(details), details.url);
    });
    navigation.onCompleted.addListener((details) => {
      this.#publish("navigation_loaded", "webNavigation.onCompleted", details, {});
      if (details.frameId === 0) this.#main.loaded(details.tabId);
    });
    navigation.onErrorOccurred.addListener((details) => {
      this.#publish("navigation_failed", "webNavigation.onErrorOccurred", details, {
        minimal: { error: details.error },
      });
    });
    navigation.onHistoryStateUpdated.addListener((details) => {
      if (details.documentId !== undefined) remember(this.#urls, details.documentId, details.url);
      this.#publish("history_updated", "webNavigation.onHistoryStateUpdated", details, {
        minimal: { kind: "state", transition: details.transitionType },
      });
    });
    navigation.onReferenceFragmentUpdated.addListener((details) => {
      if (details.documentId !== undefined) remember(this.#urls, details.documentId, details.url);
      this.#publish("history_updated", "webNavigation.onReferenceFragmentUpdated", details, {
        minimal: { kind: "fragment", transition: details.transitionType },
      });
    });
    chrome.tabs.onRemoved.addListener((tabId) => {
      for (const key of this.#ids.keys()) if (key.startsWith(`${tabId}:`)) this.#ids.delete(key);
    });
  }

  #committed(details: Details): void {
    const key = keyOf(details);
    let id = this.#ids.get(key);
    // Some documents (blob: frames, for one) commit without having been told to start.
    if (id === undefined || this.#committedIds.has(id)) id = newId(details);
    remember(this.#ids, key, id);
    this.#committedIds.add(id);
    if (this.#committedIds.size > MAX_KNOWN)
      this.#committedIds.delete(this.#committedIds.values().next().value as string);
    if (details.documentId === undefined) return;
    remember(this.#ids, details.documentId, id);
    remember(this.#parents, details.documentId, parentOf(details));
  }

  #metadata(details: Details): Record<string, string> {
    const id = this.idOf(details.tabId, details.frameId, details.documentId);
    return {
      ...this.#tabs.metadata(details.tabId),
      frame_id: `${details.frameId}`,
      ...(details.documentId === undefined ? {} : { document_id: details.documentId }),
      ...parentOf(details),
      ...(id === undefined ? {} : { navigation_id: id }),
    };
  }

  #publish(what: string, sourceEvent: string, details: Details, ladder: Ladder): void {
    const metadata = this.#metadata(details);
    // The tab may still be at the page that a top-level navigation leaves.
    const around = details.frameId === 0 ? undefined : this.#tabs.url(details.tabId);
    this.#owner.record("page", (recorder) => {
      const level = levelOf(recorder.config, "page");
      if (level === null || !this.#scope.isRecorded(recorder, details.url, around)) return;
      recorder.publish({
        ts: Math.round(details.timeStamp * 1000),
        type: `page.${what}`,
        category: "page",
        detail_level: level,
        source: { kind: "extension", event: sourceEvent, metadata },
        url: details.url,
        data: climb(level, {
          ...ladder,
          standard: { ...ladder.standard, frame_type: details.frameType ?? null },
          verbose: { ...ladder.verbose, lifecycle: details.documentLifecycle ?? null },
          raw: details,
        }),
      });
    });
  }
}

function keyOf(details: Details): string {
  return `${details.tabId}:${details.frameId}`;
}

function newId(details: Details): string {
  return `${details.tabId}.${details.frameId}.${Math.round(details.timeStamp)}`;
}

/** Documents are not told of when they end: the oldest go. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_KNOWN) map.delete(map.keys().next().value as string);
}

export function parentOf(details: {
  parentFrameId?: number | undefined;
  parentDocumentId?: string | undefined;
}): Record<string, string> {
  return {
    ...(details.parentFrameId === undefined || details.parentFrameId < 0
      ? {}
      : { parent_frame_id: `${details.parentFrameId}` }),
    ...(details.parentDocumentId === undefined ? {} : { parent_document_id: details.parentDocumentId }),
  };
}
