/**
 * Pictures of the visible part of a tab: asked for by a person, and of errors, clicks and navigations if switched on.
 *
 * The browser allows two per second. Of the moments until the next one is allowed, the most telling is pictured: an
 * error before a click before a navigation, and the latest of these. Pictures of moments are made smaller; one that
 * equals the tab's last one refers to it (`same_as`); and they have a budget of bytes per session, whose end is said.
 */
import type { EventInput, Recorder } from "../../../src/web/types.ts";
import { parsed } from "../parsed.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import { withTimeout } from "../with_timeout.ts";
import type { Tabs } from "./tabs.ts";

/** chrome.tabs.MAX_CAPTURE_VISIBLE_TAB_CALLS_PER_SECOND: two per second. */
const MIN_INTERVAL_MS = 500;
/** An envelope holds a million bytes, and base64 takes a third more than its bytes. */
const MAX_LENGTH = 900_000;
const QUALITIES = [80, 50, 25];
/** A picture of a moment: enough to read the page's text, at about 60 KB. */
const MOMENT_WIDTH_PX = 960;
const MOMENT_QUALITY = 60;
/** Characters of the pictures of moments in a session: about 300 of them. */
const MAX_SESSION_LENGTH = 20_000_000;
/** The count of a session whose budget is used up. */
const USED_UP = -1;
const MOST_TABS = 200;
/** A page that has loaded, and a route that has changed, are reported before they are drawn. */
const DRAWN_AFTER_MS = 500;

/** The place of a click, in parts of the picture's width and height. */
interface Place {
  x_fraction: number;
  y_fraction: number;
}

interface Moment {
  why: "error" | "click" | "navigation";
  /** CSS pixels in the viewport. */
  click?: { x: number; y: number };
  /** Unix milliseconds of its earliest picture. */
  fromMs?: number;
}

const RANK = { navigation: 0, click: 1, error: 2 };

/** The last picture of a tab. */
interface Last {
  session: string;
  hash: string;
  seq: number;
}

/** The moments that are pictured. */
export interface MomentSettings {
  screenshot_on_error: boolean;
  screenshot_on_action: boolean;
}

export class Screenshots {
  #lastMs = 0;
  /** The moment that is pictured as soon as the browser allows it. */
  #next: (Moment & { tabId: number }) | null = null;
  readonly #lastOfTab = new SessionStorageMap<Last>("screenshots", MOST_TABS);
  /** Characters of the moments' pictures, by session. */
  readonly #lengths = new SessionStorageMap<number>("screenshot_lengths", 2);

  constructor(
    private readonly owner: RecorderOwner,
    private readonly scope: Scope,
    private readonly tabs: Tabs,
    private readonly settings: () => MomentSettings,
  ) {}

  listen(): void {
    const navigated = ({ tabId, frameId }: { tabId: number; frameId: number }) => {
      if (frameId === 0 && this.settings().screenshot_on_action)
        void this.#moment(tabId, { why: "navigation", fromMs: Date.now() + DRAWN_AFTER_MS });
    };
    chrome.webNavigation.onCompleted.addListener(navigated);
    chrome.webNavigation.onHistoryStateUpdated.addListener(navigated);
  }

  async restore(): Promise<void> {
    await Promise.all([this.#lastOfTab.restore(), this.#lengths.restore()]);
  }

  /** Takes a picture of the whole active tab. Returns false if no tab is active, or if the last picture is too recent. */
  async take(why: "hot_key" | "mark", given?: chrome.tabs.Tab): Promise<boolean> {
    const tab = given ?? (await activeTab());
    if (tab === undefined || this.#recorderOf(tab) === null) return false;
    const now = Date.now();
    if (now - this.#lastMs < MIN_INTERVAL_MS) return false;
    this.#lastMs = now;
    await this.#capture(tab, { why });
    return true;
  }

  /** Pictures the uncaught errors and clicks among the lines of a relay. */
  observe(metadata: Record<string, string>, lines: string): void {
    const { screenshot_on_error, screenshot_on_action } = this.settings();
    const tabId = Number(metadata.tab_id);
    if (screenshot_on_error && /"type":"console\.(?:exception|rejection)"/.test(lines))
      void this.#moment(tabId, { why: "error" });
    if (!screenshot_on_action || !lines.includes('"type":"input.click"')) return;
    const clicks = lines.split("\n").filter((line) => line.includes('"type":"input.click"'));
    const click = parsed<{ type: string; data?: { x?: unknown; y?: unknown } }>(clicks.at(-1) ?? "");
    if (click?.type !== "input.click") return;
    const { x, y } = click.data ?? {};
    // The place of a click in a frame is relative to that frame.
    const isPlaced = metadata.frame_id === "0" && typeof x === "number" && typeof y === "number";
    void this.#moment(tabId, { why: "click", ...(isPlaced ? { click: { x, y } } : {}) });
  }

  async #moment(tabId: number, moment: Moment): Promise<void> {
    const tab = await chrome.tabs.get(tabId).catch(() => undefined);
    if (tab?.active !== true) return;
    const isWaiting = this.#next !== null;
    if (this.#next === null || RANK[moment.why] >= RANK[this.#next.why]) this.#next = { ...moment, tabId };
    if (!isWaiting) await this.#captureNext();
  }

  async #captureNext(): Promise<void> {
    let next = this.#next;
    while (next !== null) {
      const waitMs = Math.max(this.#lastMs + MIN_INTERVAL_MS, next.fromMs ?? 0) - Date.now();
      if (waitMs <= 0) break;
      await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, MIN_INTERVAL_MS)));
      next = this.#next;
    }
    this.#next = null;
    if (next === null) return;
    const tab = await chrome.tabs.get(next.tabId).catch(() => undefined);
    if (tab?.active !== true || this.#recorderOf(tab) === null) return;
    this.#lastMs = Date.now();
    await this.#capture(tab, next);
  }

  /** Returns the recorder if a picture of the tab may be recorded. */
  #recorderOf(tab: chrome.tabs.Tab): Recorder | null {
    const { recorder } = this.owner;
    if (recorder === null || tab.id === undefined || !this.scope.isRecorded(recorder, tab.url)) return null;
    return recorder.config.categories.page?.enabled === false ? null : recorder;
  }

  async #capture(
    tab: chrome.tabs.Tab,
    { why, click }: { why: "hot_key" | "mark"; click?: never } | Moment,
  ): Promise<void> {
    const recorder = this.#recorderOf(tab);
    const { id: tabId, windowId } = tab;
    if (recorder === null || tabId === undefined) return;
    const isMoment = why !== "hot_key" && why !== "mark";
    if (isMoment && this.#isUsedUp(recorder.sessionId)) return;
    const event = {
      ts: Date.now() * 1000,
      type: "page.screenshot",
      category: "page",
      source: {
        kind: "extension" as const,
        event: "tabs.captureVisibleTab",
        metadata: this.tabs.metadata(tabId),
      },
      ...(tab.url ? { url: tab.url } : {}),
    };
    try {
      const asked = click === undefined ? undefined : placeOf(tabId, click);
      for (const quality of QUALITIES) {
        const image = await chrome.tabs.captureVisibleTab(windowId, { format: "jpeg", quality });
        // The picture is of the tab that shows by now.
        if (!(await this.#isStillSeen(tabId, windowId, recorder)))
          throw new Error("another tab or site came to the front");
        const place = await asked;
        const about = { why, ...(place === undefined ? {} : { click: place }) };
        if (isMoment) return await this.#publishMoment(recorder, tabId, event, about, image);
        if (image.length > MAX_LENGTH) continue;
        recorder.publish({ ...event, data: { ...about, quality, image } });
        return;
      }
      const error = `larger than ${MAX_LENGTH} characters at every quality`;
      recorder.publish({ ...event, data: { why, error }, truncated: true });
    } catch (error) {
      const { message } = error as Error;
      // Its second is not ours: the moment waits for the next one.
      if (isMoment && message.includes("MAX_CAPTURE_VISIBLE_TAB_CALLS_PER_SECOND"))
        return void this.#moment(tabId, { why, ...(click === undefined ? {} : { click }) });
      recorder.publish({ ...event, data: { why, error: message } });
    }
  }

  /** Publishes a picture made smaller, or that it equals the tab's last one, or that the budget is used up. */
  async #publishMoment(
    recorder: Recorder,
    tabId: number,
    event: EventInput,
    about: object,
    image: string,
  ): Promise<void> {
    const session = recorder.sessionId;
    const hash = await hashOf(image);
    const last = this.#lastOfTab.get(`${tabId}`);
    if (last?.session === session && last.hash === hash) {
      recorder.publish({ ...event, data: { ...about, same_as: last.seq } });
      return;
    }
    const small = await smaller(image);
    // The picture of an earlier moment may have used up the budget meanwhile.
    if (this.#isUsedUp(session)) return;
    const length = (this.#lengths.get(session) ?? 0) + small.length;
    if (length > MAX_SESSION_LENGTH) {
      this.#lengths.set(session, USED_UP);
      const error = `the pictures of this session have used their ${MAX_SESSION_LENGTH} characters; no more are taken of errors, clicks and navigations`;
      recorder.publish({ ...event, data: { ...about, error } });
      return;
    }
    const seq = recorder.publish({ ...event, data: { ...about, quality: MOMENT_QUALITY, image: small } });
    this.#lengths.set(session, length);
    this.#lastOfTab.set(`${tabId}`, { session, hash, seq });
  }

  #isUsedUp(session: string): boolean {
    return this.#lengths.get(session) === USED_UP;
  }

  async #isStillSeen(tabId: number, windowId: number, recorder: Recorder): Promise<boolean> {
    const now = await chrome.tabs.get(tabId).catch(() => undefined);
    return now?.active === true && now.windowId === windowId && this.scope.isRecorded(recorder, now.url);
  }
}

export async function activeTab(): Promise<chrome.tabs.Tab | undefined> {
  const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
  return tab;
}

/** Returns the place of a click in the picture of a tab's viewport. */
async function placeOf(tabId: number, click: { x: number; y: number }): Promise<Place | undefined> {
  const asked = chrome.scripting.executeScript({
    target: { tabId },
    injectImmediately: true,
    func: () => ({ width: innerWidth, height: innerHeight }),
  });
  try {
    const [answer] = await withTimeout(asked, "the size of the viewport");
    const { width, height } = answer?.result ?? { width: 0, height: 0 };
    if (width === 0 || height === 0) return undefined;
    const fraction = (at: number, of: number) =>
      Math.round(Math.min(1, Math.max(0, at / of)) * 10_000) / 10_000;
    return { x_fraction: fraction(click.x, width), y_fraction: fraction(click.y, height) };
  } catch {
    // The document is gone, or busy for ever.
    return undefined;
  }
}

async function hashOf(image: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(image));
  return String.fromCharCode(...new Uint8Array(digest));
}

async function smaller(image: string): Promise<string> {
  const bitmap = await createImageBitmap(await (await fetch(image)).blob());
  const scale = Math.min(1, MOMENT_WIDTH_PX / bitmap.width);
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(bitmap.width * scale)),
    Math.max(1, Math.round(bitmap.height * scale)),
  );
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: MOMENT_QUALITY / 100 });
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("the picture cannot be read"));
    reader.readAsDataURL(blob);
  });
}
