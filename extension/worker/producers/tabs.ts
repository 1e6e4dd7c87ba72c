/**
 * `tab.*` and `window.*`, and the one table of which tab is in which window at which address.
 *
 * The table is refilled when a worker starts; until then a tab it does not know has a `tab_id` and no `window_id`.
 */
import type { FieldsByLevel } from "./levels.ts";
import type { Publisher } from "./publisher.ts";

interface Known {
  windowId: number;
  url: string;
}

export class Tabs {
  readonly #known = new Map<number, Known>();

  constructor(private readonly publisher: Publisher) {}

  async refill(): Promise<void> {
    for (const tab of await chrome.tabs.query({})) this.#learn(tab);
  }

  /** `tab_id` and `window_id` of a tab. */
  metadata(tabId: number): Record<string, string> {
    const known = this.#known.get(tabId);
    return known === undefined
      ? { tab_id: `${tabId}` }
      : { tab_id: `${tabId}`, window_id: `${known.windowId}` };
  }

  url(tabId: number): string | undefined {
    return this.#known.get(tabId)?.url;
  }

  listen(): void {
    chrome.tabs.onCreated.addListener((tab) => {
      this.#learn(tab);
      if (tab.id === undefined) return;
      this.#publish(tab.id, "created", "tabs.onCreated", {
        minimal: { active: tab.active },
        standard: {
          index: tab.index,
          opener_tab_id: tab.openerTabId ?? null,
          pinned: tab.pinned,
          title: tab.title ?? null,
        },
        raw: tab,
      });
    });
    chrome.tabs.onUpdated.addListener((tabId, changes, tab) => {
      this.#learn(tab);
      // Titles of loading pages are their addresses, favicons are noise: neither tells of the page.
      const { favIconUrl, ...told } = changes;
      if (Object.keys(told).length === 0) return;
      this.#publish(tabId, "updated", "tabs.onUpdated", {
        minimal: changes.status === undefined ? {} : { status: changes.status },
        standard: told as Record<string, unknown>,
        verbose: favIconUrl === undefined ? {} : { favicon_url: favIconUrl },
        raw: changes,
      });
    });
    chrome.tabs.onActivated.addListener((activated) => {
      const { tabId, windowId } = activated;
      this.#move(tabId, windowId);
      this.#publish(tabId, "activated", "tabs.onActivated", { raw: activated });
    });
    chrome.tabs.onMoved.addListener((tabId, moved) => {
      this.#publish(tabId, "moved", "tabs.onMoved", {
        standard: { from_index: moved.fromIndex, to_index: moved.toIndex },
        raw: moved,
      });
    });
    chrome.tabs.onDetached.addListener((tabId, detached) => {
      this.#publish(tabId, "detached", "tabs.onDetached", {
        standard: { from_index: detached.oldPosition },
        raw: detached,
      });
    });
    chrome.tabs.onAttached.addListener((tabId, attached) => {
      this.#move(tabId, attached.newWindowId);
      this.#publish(tabId, "attached", "tabs.onAttached", {
        standard: { to_index: attached.newPosition },
        raw: attached,
      });
    });
    chrome.tabs.onReplaced.addListener((addedTabId, removedTabId) => {
      const known = this.#known.get(removedTabId);
      if (known !== undefined) this.#known.set(addedTabId, known);
      this.#publish(addedTabId, "replaced", "tabs.onReplaced", {
        minimal: { replaced_tab_id: removedTabId },
        raw: { addedTabId, removedTabId },
      });
      this.#known.delete(removedTabId);
    });
    chrome.tabs.onRemoved.addListener((tabId, removed) => {
      this.#publish(tabId, "removed", "tabs.onRemoved", {
        minimal: { window_closing: removed.isWindowClosing },
        raw: removed,
      });
      this.#known.delete(tabId);
    });
    chrome.windows.onCreated.addListener((window) => {
      this.#publishWindow(window.id, "created", "windows.onCreated", {
        minimal: { window_type: window.type ?? null },
        standard: {
          state: window.state ?? null,
          focused: window.focused,
          width: window.width ?? null,
          height: window.height ?? null,
        },
        raw: window,
      });
    });
    chrome.windows.onFocusChanged.addListener((windowId) => {
      const none = windowId === chrome.windows.WINDOW_ID_NONE;
      this.#publishWindow(none ? undefined : windowId, "focused", "windows.onFocusChanged", {
        minimal: { focused: !none },
        raw: { windowId },
      });
    });
    chrome.windows.onRemoved.addListener((windowId) => {
      this.#publishWindow(windowId, "removed", "windows.onRemoved", { raw: { windowId } });
    });
  }

  #learn(tab: chrome.tabs.Tab): void {
    if (tab.id !== undefined)
      this.#known.set(tab.id, { windowId: tab.windowId, url: tab.pendingUrl ?? tab.url ?? "" });
  }

  #move(tabId: number, windowId: number): void {
    const known = this.#known.get(tabId);
    this.#known.set(tabId, { windowId, url: known?.url ?? "" });
  }

  #publish(tabId: number, what: string, event: string, fields: FieldsByLevel): void {
    const url = this.url(tabId);
    const metadata = this.metadata(tabId);
    this.publisher.publish({
      timeMs: Date.now(),
      category: "tab",
      type: `tab.${what}`,
      event,
      metadata: () => metadata,
      url,
      site: () => url ?? this.url(tabId),
      fields,
    });
  }

  #publishWindow(windowId: number | undefined, what: string, event: string, fields: FieldsByLevel): void {
    this.publisher.publish({
      timeMs: Date.now(),
      category: "tab",
      type: `window.${what}`,
      event,
      metadata: () => (windowId === undefined ? {} : { window_id: `${windowId}` }),
      fields,
    });
  }
}
