/**
 * Computes `page.network_idle` and `page.settled`, once per navigation of a tab's top-level document.
 *
 * Network idle: 500 ms after the DOM was parsed without a request in flight, also when there never was one.
 * Settled: network idle, and the load event has fired. A timer runs only while one of them is still to come.
 */
import type { Publisher } from "./publisher.ts";

const QUIET_MS = 500;

class Watched {
  readonly startedMs = Date.now();
  /** Null until the DOM is parsed. */
  document: { metadata: Record<string, string>; url: string } | null = null;
  loaded = false;
  idle = false;
  settled = false;
  total = 0;
  timer: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly requests: Set<string>) {}
}

export class PageIdleDetector {
  readonly #tabs = new Map<number, Watched>();

  constructor(private readonly publisher: Publisher) {}

  listen(): void {
    chrome.tabs.onRemoved.addListener((tabId) => this.#forget(tabId));
  }

  started(tabId: number): void {
    const requests = this.#tabs.get(tabId)?.requests ?? new Set<string>();
    this.#forget(tabId);
    // The request for the document began before its navigation was reported: it stays counted.
    this.#tabs.set(tabId, new Watched(requests));
  }

  domContentLoaded(tabId: number, metadata: Record<string, string>, url: string): void {
    const tab = this.#tabs.get(tabId);
    if (tab === undefined) return;
    tab.document = { metadata, url };
    this.#wait(tab);
  }

  loaded(tabId: number): void {
    const tab = this.#tabs.get(tabId);
    if (tab === undefined) return;
    tab.loaded = true;
    if (tab.idle) this.#settle(tab);
    else this.#wait(tab);
  }

  begun(tabId: number, requestId: string): void {
    const tab = this.#tabs.get(tabId);
    if (tab === undefined || tab.idle) return;
    tab.requests.add(requestId);
    tab.total++;
    if (tab.timer !== null) clearTimeout(tab.timer);
    tab.timer = null;
  }

  ended(tabId: number, requestId: string): void {
    const tab = this.#tabs.get(tabId);
    if (tab?.requests.delete(requestId)) this.#wait(tab);
  }

  #wait(tab: Watched): void {
    if (tab.document === null || tab.idle || tab.requests.size > 0) return;
    if (tab.timer !== null) clearTimeout(tab.timer);
    tab.timer = setTimeout(() => {
      tab.timer = null;
      tab.idle = true;
      tab.requests.clear();
      this.#publish(tab, "network_idle");
      if (tab.loaded) this.#settle(tab);
    }, QUIET_MS);
  }

  #settle(tab: Watched): void {
    if (tab.settled) return;
    tab.settled = true;
    this.#publish(tab, "settled");
  }

  #publish(tab: Watched, what: "network_idle" | "settled"): void {
    const { document } = tab;
    if (document === null) return;
    const now = Date.now();
    this.publisher.publish({
      timeMs: now,
      category: "page",
      type: `page.${what}`,
      event: `tabtape.${what}`,
      metadata: () => document.metadata,
      url: document.url,
      fields: { minimal: { after_ms: now - tab.startedMs, requests: tab.total } },
    });
  }

  #forget(tabId: number): void {
    const tab = this.#tabs.get(tabId);
    if (tab?.timer !== null && tab?.timer !== undefined) clearTimeout(tab.timer);
    this.#tabs.delete(tabId);
  }
}
