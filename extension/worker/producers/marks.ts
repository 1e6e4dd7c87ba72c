/** Marks and screenshots: what a person or an agent puts into the stream, or has put there. */
import type { Recorder } from "../../../src/web/types.ts";
import { prefix } from "../../relay/budget.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import type { Tabs } from "./tabs.ts";

/** chrome.tabs.MAX_CAPTURE_VISIBLE_TAB_CALLS_PER_SECOND: two per second. */
const MIN_INTERVAL_MS = 500;
const MAX_NOTE = 1_000;
/** An envelope holds a million bytes, and base64 takes a third more than its bytes. */
const MAX_SCREENSHOT_LENGTH = 900_000;
const QUALITIES = [80, 50, 25];

export class Marks {
  readonly #owner: RecorderOwner;
  readonly #scope: Scope;
  readonly #tabs: Tabs;
  #lastMs = 0;
  /** Whether the picture of an error waits until the browser allows another one. */
  #isErrorWaiting = false;

  constructor(owner: RecorderOwner, scope: Scope, tabs: Tabs) {
    this.#owner = owner;
    this.#scope = scope;
    this.#tabs = tabs;
  }

  /** "Here it happened", with a picture of the tab that is looked at. */
  async mark(note: string): Promise<void> {
    const tab = await activeTab();
    const { recorder } = this.#owner;
    if (recorder === null) throw new Error("nothing is being recorded, so there is no place for a mark");
    recorder.publish({
      type: "system.mark",
      category: "system",
      source: {
        kind: "extension",
        event: "tabtape.mark",
        metadata: tab?.id === undefined ? {} : this.#tabs.metadata(tab.id),
      },
      ...(tab?.url && this.#scope.isRecorded(recorder, tab.url) ? { url: tab.url } : {}),
      data: { note: prefix(note, MAX_NOTE) },
    });
    await this.screenshot("mark", tab);
  }

  /** False when there is nothing to take a picture of, or the last one was too short ago. */
  async screenshot(why: "hot_key" | "mark" | "error", given?: chrome.tabs.Tab): Promise<boolean> {
    const tab = given ?? (await activeTab());
    const { recorder } = this.#owner;
    if (recorder === null || tab?.id === undefined || !this.#scope.isRecorded(recorder, tab.url))
      return false;
    if (recorder.config.categories.page?.enabled === false) return false;
    const now = Date.now();
    if (now - this.#lastMs < MIN_INTERVAL_MS) return false;
    this.#lastMs = now;
    await this.#capture(recorder, tab, tab.id, why);
    return true;
  }

  /** Takes a picture of the tab with an error, if it is the active one; as soon as the browser's limit allows it. */
  async screenshotOfError(tabId: number): Promise<void> {
    if (this.#isErrorWaiting) return;
    const waitMs = this.#lastMs + MIN_INTERVAL_MS - Date.now();
    if (waitMs > 0) {
      this.#isErrorWaiting = true;
      await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, MIN_INTERVAL_MS)));
      this.#isErrorWaiting = false;
    }
    const tab = await chrome.tabs.get(tabId).catch(() => undefined);
    if (tab?.active) await this.screenshot("error", tab);
  }

  async #isStillSeen(tabId: number, windowId: number, recorder: Recorder): Promise<boolean> {
    const now = await chrome.tabs.get(tabId).catch(() => undefined);
    return now?.active === true && now.windowId === windowId && this.#scope.isRecorded(recorder, now.url);
  }

  async #capture(recorder: Recorder, tab: chrome.tabs.Tab, tabId: number, why: string): Promise<void> {
    const source = {
      kind: "extension" as const,
      event: "tabs.captureVisibleTab",
      metadata: this.#tabs.metadata(tabId),
    };
    const event = {
      ts: Date.now() * 1000,
      type: "page.screenshot",
      category: "page",
      source,
      ...(tab.url ? { url: tab.url } : {}),
    };
    for (const quality of QUALITIES) {
      let image: string;
      try {
        image = await chrome.tabs.captureVisibleTab(tab.windowId, { format: "jpeg", quality });
      } catch (error) {
        recorder.publish({ ...event, data: { why, error: (error as Error).message } });
        return;
      }
      // The picture is of the tab that shows by now.
      if (!(await this.#isStillSeen(tabId, tab.windowId, recorder))) {
        recorder.publish({ ...event, data: { why, error: "another tab or site came to the front" } });
        return;
      }
      if (image.length > MAX_SCREENSHOT_LENGTH) continue;
      recorder.publish({ ...event, data: { why, quality, image } });
      return;
    }
    recorder.publish({
      ...event,
      data: { why, error: `larger than ${MAX_SCREENSHOT_LENGTH} characters at every quality` },
      truncated: true,
    });
  }
}

async function activeTab(): Promise<chrome.tabs.Tab | undefined> {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  return tab;
}
