/** What the popup shows, asked of the worker once a second, and what its buttons do. */
import { type Signal, signal } from "@preact/signals";
import type { CaptureConfig } from "../../src/web/types.ts";
import { count } from "../../www/src/data/time.ts";
import type { Forgotten } from "../worker/forget.ts";
import type { Command, Status } from "../worker/messages.ts";
import { command } from "./command.ts";

const REFRESH_MS = 1_000;
const DONE_MS = 2_500;

export type RecorderNow = NonNullable<Status["recorder"]>;

export const status: Signal<Status | null> = signal(null);
export const problem: Signal<string | null> = signal(null);
/** What a button has just done, said aloud. */
export const done: Signal<string | null> = signal(null);
/** The host of the tab in front, null when it shows no site. */
export const site: Signal<string | null> = signal(null);

/** The tab in front. */
export const tabInFront: Signal<number | null> = signal(null);

let windowInFront: number | undefined;
let saying: ReturnType<typeof setTimeout> | undefined;

export async function refresh(): Promise<void> {
  try {
    status.value = await command<Status>({ command: "status" });
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

/** Refreshes for as long as the popup is open. */
export async function watch(): Promise<void> {
  setInterval(() => void refresh(), REFRESH_MS);
  const [host] = await Promise.all([siteInFront(), refresh()]);
  site.value = host;
}

export async function run(message: Command, said?: string): Promise<boolean> {
  problem.value = null;
  let worked = true;
  try {
    await command(message);
    if (said !== undefined) say(said);
  } catch (error) {
    problem.value = (error as Error).message;
    worked = false;
  }
  await refresh();
  return worked;
}

function say(text: string): void {
  done.value = text;
  clearTimeout(saying);
  saying = setTimeout(() => {
    done.value = null;
  }, DONE_MS);
}

/** In the store build, asking for the hosts has to come first: it needs the click itself. */
async function mayRecord(host: string | null): Promise<boolean> {
  const origins = [host === null ? "<all_urls>" : `*://${host}/*`];
  return (await chrome.permissions.contains({ origins })) || (await chrome.permissions.request({ origins }));
}

export async function record(what: "site" | "all"): Promise<void> {
  problem.value = null;
  const host = what === "site" ? site.value : null;
  if (what === "site" && host === null) {
    problem.value = "this tab shows no site that can be recorded";
    return;
  }
  if (!(await mayRecord(host))) return;
  if (await run({ command: "configure", patch: { sites: { include: [host ?? "*"] } } }))
    await run({ command: "start" });
}

/** Another session from here on: the old one is closed and kept. */
export async function newSession(): Promise<void> {
  if (await run({ command: "stop" })) await run({ command: "start" }, "A new session has begun");
}

/** Everything recorded of a site goes, here and in the store. */
export async function forget(host: string): Promise<void> {
  problem.value = null;
  try {
    const { here, stored, left } = await command<Forgotten>({ command: "forget", site: host });
    const events = Math.max(here, stored ?? 0);
    say(
      events === 0 && left === null
        ? `Nothing was recorded of ${host}`
        : `${count(events)} events of ${host} forgotten`,
    );
    if (left !== null)
      problem.value = `What the store has of ${host} is still there: ${left}. Forget again once it is.`;
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

/** The browser opens a side panel only in answer to a click, so nothing is awaited before it is asked. */
export async function openPanel(): Promise<void> {
  problem.value = null;
  try {
    if (windowInFront === undefined) throw new Error("no window to open the side panel in");
    await chrome.sidePanel.open({ windowId: windowInFront });
    window.close();
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

export function isSiteOn({ sites }: CaptureConfig, host: string): boolean {
  return !sites.exclude.includes(host) && (sites.include.includes("*") || sites.include.includes(host));
}

/** Records the site in front, or leaves it out, from now on. */
export async function setSite({ sites }: CaptureConfig, host: string, on: boolean): Promise<void> {
  if (on && !(await mayRecord(host))) return;
  const exclude = sites.exclude.filter((other) => other !== host);
  const include = sites.include.filter((other) => other !== host);
  if (!on) exclude.push(host);
  else if (!include.includes("*")) include.push(host);
  await run({ command: "configure", patch: { sites: { include, exclude } } });
}

async function siteInFront(): Promise<string | null> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  windowInFront = tab?.windowId;
  tabInFront.value = tab?.id ?? null;
  if (tab?.url === undefined || !/^https?:/.test(tab.url)) return null;
  return new URL(tab.url).hostname;
}
