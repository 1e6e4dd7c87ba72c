/** The popup's state, which the worker reports once per second, and the actions of its buttons. */
import { type Signal, signal } from "@preact/signals";
import type { CaptureConfig } from "../../src/web/types.ts";
import { count } from "../../www/src/data/time.ts";
import type { Command, Status } from "../protocol.ts";
import { command } from "./command.ts";

const REFRESH_MS = 1_000;
const DONE_MS = 2_500;

export type RecorderNow = NonNullable<Status["recorder"]>;

export const status: Signal<Status | null> = signal(null);
export const problem: Signal<string | null> = signal(null);
/** The result of the last action, which screen readers announce. */
export const done: Signal<string | null> = signal(null);
/** The host and port of the active tab; null if it does not show a site. */
export const site: Signal<string | null> = signal(null);

export const activeTab: Signal<number | null> = signal(null);
/** Whether the document of the active tab was open before it was recorded, so that a part of it is missing. */
export const isLate: Signal<boolean> = signal(false);

/** Whether the icon is on the toolbar, where it shows that something is recorded. */
export const isPinned: Signal<boolean> = signal(true);

let activeWindow: number | undefined;
let saying: ReturnType<typeof setTimeout> | undefined;

async function refresh(): Promise<void> {
  try {
    status.value = await command({ command: "status" });
  } catch (error) {
    problem.value = (error as Error).message;
  }
  isLate.value = await isDocumentLate();
  isPinned.value = (await chrome.action.getUserSettings()).isOnToolbar ?? true;
}

/** Refreshes for as long as the page is open. The popup is about the active tab, the page of pairing about another one. */
export async function watch(find: () => Promise<chrome.tabs.Tab | undefined> = findActiveTab): Promise<void> {
  setInterval(() => void refresh(), REFRESH_MS);
  const tab = await find();
  activeWindow = tab?.windowId;
  activeTab.value = tab?.id ?? null;
  site.value = siteOf(tab);
  await refresh();
}

/** Does the work of a button, and shows the error if it fails. Returns whether it has worked. */
export async function attempt(work: () => Promise<void>): Promise<boolean> {
  problem.value = null;
  try {
    await work();
    return true;
  } catch (error) {
    problem.value = (error as Error).message;
    return false;
  }
}

export async function run(message: Command, said?: string): Promise<boolean> {
  const worked = await attempt(async () => {
    await command(message);
    if (said !== undefined) say(said);
  });
  await refresh();
  return worked;
}

function say(text: string): void {
  done.value = text;
  clearTimeout(saying);
  saying = setTimeout(() => (done.value = null), DONE_MS);
}

/** Asks for the permission to record. In the store build this comes first, because it needs the click itself. */
async function mayRecord(host: string | null): Promise<boolean> {
  // A permission has no port.
  const origins = [host === null ? "<all_urls>" : `*://${hostnameOf(host)}/*`];
  return (await chrome.permissions.contains({ origins })) || (await chrome.permissions.request({ origins }));
}

export async function record(what: "site" | "all"): Promise<void> {
  problem.value = null;
  const host = what === "site" ? site.value : null;
  if (what === "site" && host === null) {
    problem.value = "this tab does not show a site that can be recorded";
    return;
  }
  if (!(await mayRecord(host))) return;
  if (await run({ command: "configure", patch: { sites: { include: [host ?? "*"] } } }))
    await run({ command: "start" });
}

/** Ends the session, which stays stored, and begins another. */
export async function newSession(): Promise<void> {
  if (await run({ command: "stop" })) await run({ command: "start" }, "A new session has begun");
}

/** Deletes the records of a site, in this browser and in the store. */
export async function forget(host: string): Promise<void> {
  await attempt(async () => {
    const { here, stored, left } = await command({ command: "forget", site: host });
    const events = Math.max(here, stored ?? 0);
    say(
      events === 0 && left === null
        ? `Nothing was recorded of ${host}`
        : `${count(events)} events of ${host} forgotten`,
    );
    if (left !== null)
      problem.value = `The collector's store still has records of ${host}: ${left}. Forget this site again when the collector answers.`;
  });
}

/** Attaches the debugger to a tab or to all. What it can read of requests is recorded only at `verbose`. */
export async function setDeepCapture({ config }: Status, tabId: number | "all", on: boolean): Promise<void> {
  const { enabled, detail_level } = config?.categories.network ?? { enabled: false, detail_level: "minimal" };
  const isDeep = enabled && (detail_level === "verbose" || detail_level === "raw");
  const patch = { categories: { network: { enabled: true, detail_level: "verbose" as const } } };
  if (on && !isDeep && !(await run({ command: "configure", patch }))) return;
  await run({ command: "debug", tab_id: tabId, on }, on && !isDeep ? "Network is verbose now" : undefined);
}

/** Loads the active tab again, so that it is recorded from its first script. */
export async function reloadTab(): Promise<void> {
  if (activeTab.value !== null) await chrome.tabs.reload(activeTab.value);
}

/** Opens the side panel. Nothing is awaited before, because the browser allows it only in answer to a click. */
export async function openPanel(): Promise<void> {
  await attempt(async () => {
    if (activeWindow === undefined) throw new Error("there is no window for the side panel");
    await chrome.sidePanel.open({ windowId: activeWindow });
    window.close();
  });
}

export function isSiteOn({ sites }: CaptureConfig, host: string): boolean {
  const isListed = (list: string[]) => list.includes(host) || list.includes(hostnameOf(host));
  return !isListed(sites.exclude) && (sites.include.includes("*") || isListed(sites.include));
}

/** Includes a site in the recording from now on, or excludes it. */
export async function setSite({ sites }: CaptureConfig, host: string, on: boolean): Promise<void> {
  if (on && !(await mayRecord(host))) return;
  const exclude = sites.exclude.filter((other) => other !== host && !(on && other === hostnameOf(host)));
  const include = sites.include.filter((other) => other !== host);
  if (!on) exclude.push(host);
  else if (!include.includes("*") && !include.includes(hostnameOf(host))) include.push(host);
  await run({ command: "configure", patch: { sites: { include, exclude } } });
}

/** Asks the relay of the active tab, in its isolated world: see `relay/relay.ts`. */
async function isDocumentLate(): Promise<boolean> {
  const { value: now } = status;
  if (now?.recording !== true || activeTab.value === null || site.value === null) return false;
  if (now.config === null || !isSiteOn(now.config, site.value)) return false;
  try {
    const [answer] = await chrome.scripting.executeScript({
      target: { tabId: activeTab.value },
      injectImmediately: true,
      func: () => {
        const world = globalThis as { tabtapeRelay?: { isLate: boolean } };
        return !Object.hasOwn(world, "tabtapeRelay") || world.tabtapeRelay?.isLate === true;
      },
    });
    return answer?.result === true;
  } catch {
    // Pages of the browser and of its store take no scripts.
    return false;
  }
}

async function findActiveTab(): Promise<chrome.tabs.Tab | undefined> {
  return (await chrome.tabs.query({ active: true, currentWindow: true }))[0];
}

/** Returns the tab that was in front last, of those with a site and without the collector's own viewer. */
export async function findLastTab(collector: string): Promise<chrome.tabs.Tab | undefined> {
  const tabs = await chrome.tabs.query({});
  return tabs
    .filter((tab) => ![null, collector].includes(siteOf(tab)))
    .sort((a, b) => (b.lastAccessed ?? 0) - (a.lastAccessed ?? 0))[0];
}

function siteOf(tab: chrome.tabs.Tab | undefined): string | null {
  return tab?.url !== undefined && /^https?:/.test(tab.url) ? new URL(tab.url).host : null;
}

/** Returns a host without its port. */
function hostnameOf(host: string): string {
  return new URL(`http://${host}`).hostname;
}
