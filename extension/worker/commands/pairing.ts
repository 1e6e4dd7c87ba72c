/**
 * Pairing with a collector, and links to its viewer.
 *
 * A tab that comes to an invitation (`/pair#code=…` on this machine) is shown our own page instead, which no site can
 * frame or press buttons in. Only there, by a person, is the code sent; what comes back is kept in
 * `chrome.storage.local`.
 */
import { readInvitation } from "../../pair/invitation.ts";
import type { Recording } from "../recorder/recording.ts";
import { askCollector, post } from "./collector.ts";

export function watchInvitations(): void {
  chrome.webNavigation.onCommitted.addListener(({ tabId, frameId, url }) => {
    if (frameId !== 0 || readInvitation(url) === null) return;
    void chrome.tabs.update(tabId, { url: chrome.runtime.getURL(`pair.html#${encodeURIComponent(url)}`) });
  });
}

export async function pair(recording: Recording, url: string, code: string): Promise<void> {
  if (readInvitation(`${url}/pair#code=${code}`) === null)
    throw new Error(`${url} is not a collector on this machine`);
  const asked = post<{ secret: string; pairing: string }>(`${url}/v1/pair`, { code, profile: "" });
  const { secret, pairing } = await asked;
  await recording.connect({ url, secret, pairing });
}

/** A link that opens the viewer once. */
export async function viewerLink(recording: Recording): Promise<string> {
  const { collector } = recording.settings;
  if (collector === null) throw new Error("no collector is paired; the popup says how to pair one");
  const state = recording.status.recorder?.collector.state;
  if (state !== "ok")
    throw new Error(`the collector at ${collector.url} is not connected (${state ?? "not recording"})`);
  const { url } = await askCollector<{ url: string }>(collector, "POST", "/v1/viewer/codes", {});
  return url;
}

/** Returns the address of the collector's viewer, or of our own on the logs of this browser if none answers. */
export async function viewerUrl(recording: Recording): Promise<string> {
  return viewerLink(recording).catch(() => chrome.runtime.getURL("viewer.html"));
}
