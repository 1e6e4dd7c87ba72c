/** Publishes `page.navigation_*` and `page.history_updated` of every frame. */
import type { Documents, Place } from "../state/documents.ts";
import type { FieldsByLevel } from "./levels.ts";
import type { PageIdleDetector } from "./page_idle.ts";
import type { Publisher } from "./publisher.ts";
import type { Tabs } from "./tabs.ts";

interface Details extends Place {
  url: string;
  frameType?: string;
  documentLifecycle?: string;
}

export interface NavigationParts {
  publisher: Publisher;
  tabs: Tabs;
  documents: Documents;
  /** Is notified of top-level documents. */
  main: PageIdleDetector;
  /** A document has come out of the back/forward cache, and has the config from when it went in. */
  onCameBack(tabId: number): void;
}

export class Navigation {
  constructor(private readonly parts: NavigationParts) {}

  listen(): void {
    const { documents, main, onCameBack } = this.parts;
    const navigation = chrome.webNavigation;
    navigation.onBeforeNavigate.addListener((details) => {
      documents.started(details);
      if (details.frameId === 0) main.started(details.tabId);
      this.#publish("navigation_started", "webNavigation.onBeforeNavigate", details, {});
    });
    navigation.onCommitted.addListener((details) => {
      documents.committed(details);
      this.#publish("navigation_committed", "webNavigation.onCommitted", details, {
        minimal: { transition: details.transitionType },
        standard: { qualifiers: details.transitionQualifiers },
      });
      if (details.frameId === 0 && details.transitionQualifiers.includes("forward_back"))
        onCameBack(details.tabId);
    });
    navigation.onDOMContentLoaded.addListener((details) => {
      this.#publish("navigation_dom_content_loaded", "webNavigation.onDOMContentLoaded", details, {});
      if (details.frameId === 0)
        main.domContentLoaded(details.tabId, documents.metadata(details), details.url);
    });
    navigation.onCompleted.addListener((details) => {
      this.#publish("navigation_loaded", "webNavigation.onCompleted", details, {});
      if (details.frameId === 0) main.loaded(details.tabId);
    });
    navigation.onErrorOccurred.addListener((details) => {
      this.#publish("navigation_failed", "webNavigation.onErrorOccurred", details, {
        minimal: { error: details.error },
      });
    });
    const moves = { onHistoryStateUpdated: "state", onReferenceFragmentUpdated: "fragment" } as const;
    for (const [event, kind] of Object.entries(moves))
      navigation[event as keyof typeof moves].addListener((details) => {
        documents.moved(details, details.url);
        this.#publish("history_updated", `webNavigation.${event}`, details, {
          minimal: { kind, transition: details.transitionType },
        });
      });
    chrome.tabs.onRemoved.addListener((tabId) => documents.forgetTab(tabId));
  }

  #publish(what: string, event: string, details: Details, fields: FieldsByLevel): void {
    const { publisher, tabs, documents } = this.parts;
    const isEffect = /^navigation_(?:committed|dom_content_loaded|loaded|failed)$/.test(what);
    const metadata = documents.snapshotUntilRestored(() => {
      const cause = isEffect ? documents.causeOf(details) : undefined;
      return { ...documents.metadata(details), ...(cause === undefined ? {} : { cause_id: cause }) };
    });
    publisher.publish({
      timeMs: details.timeStamp,
      category: "page",
      type: `page.${what}`,
      event,
      metadata,
      url: details.url,
      // The tab may still be at the page that a top-level navigation leaves.
      around: details.frameId === 0 ? undefined : tabs.url(details.tabId),
      fields: {
        ...fields,
        standard: { ...fields.standard, frame_type: details.frameType ?? null },
        verbose: { ...fields.verbose, lifecycle: details.documentLifecycle ?? null },
        raw: details,
      },
    });
  }
}
