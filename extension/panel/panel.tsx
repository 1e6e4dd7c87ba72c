/**
 * The side panel: the viewer with a filter for the active tab, which follows tab switches. A person can change
 * the filter.
 *
 * The panel reads the collector with its own token, which the recorder's pairing grants. If no collector is
 * connected, it reads the logs of this browser.
 */
import { exchange, forgetToken, storedToken, storeToken } from "../../www/src/data/access.ts";
import { CollectorSource } from "../../www/src/data/collector.ts";
import { LogsSource } from "../../www/src/data/logs.ts";
import type { DataSource } from "../../www/src/data/source.ts";
import { valuesOf, withValues } from "../../www/src/filter/text.ts";
import { showMessage, showViewer } from "../../www/src/show.tsx";
import { Viewer } from "../../www/src/state.ts";
import { command } from "../popup/command.ts";
import type { Status } from "../protocol.ts";
import { openLogs } from "../viewer/logs.ts";

async function begin(root: HTMLElement): Promise<void> {
  try {
    const status = await command({ command: "status" });
    if (status.recorder === null) return say(root, "Nothing is being recorded");
    const source = await sourceOf(status);
    const tab = await activeTab();
    const search = new URLSearchParams({
      session: status.recorder.session_id,
      ...(tab === null ? {} : { q: `tab:${tab}` }),
    });
    history.replaceState(null, "", `?${search}`);
    show(root, source);
  } catch (error) {
    say(root, (error as Error).message);
  }
}

/** Returns the collector if one is connected, because it has all sessions; else the logs of this browser. */
async function sourceOf({ collector_url, recorder }: Status): Promise<DataSource> {
  if (collector_url === null || recorder?.collector.state !== "ok") return new LogsSource(await openLogs());
  return new CollectorSource(collector_url, storedToken() ?? (await askForToken(collector_url)));
}

async function askForToken(base: string): Promise<string> {
  const link = new URL(await command({ command: "viewer_link" }));
  const token = await exchange(base, new URLSearchParams(link.hash.slice(1)).get("code") ?? "");
  storeToken(token);
  return token;
}

function show(root: HTMLElement, source: DataSource): void {
  const viewer = new Viewer(source);
  const moved = async () => {
    const tab = await activeTab();
    // A person who removed the tab from the filter wants to see all tabs.
    if (tab !== null && valuesOf(viewer.view.draft.value, "tab").length > 0)
      viewer.view.applyFilter(withValues(viewer.view.draft.value, "tab", [tab]));
  };
  const activated = () => void moved();
  chrome.tabs.onActivated.addListener(activated);
  // A prerendered page replaces its tab under another id.
  chrome.tabs.onReplaced.addListener(activated);
  viewer.onRefused = () => {
    chrome.tabs.onActivated.removeListener(activated);
    chrome.tabs.onReplaced.removeListener(activated);
    viewer.stop();
    forgetToken();
    void begin(root);
  };
  showViewer(root, viewer);
}

function say(root: HTMLElement, title: string): void {
  showMessage(root, {
    title,
    text: "The panel shows the records of the active tab. Start recording in the popup.",
    action: { label: "Try again", run: () => void begin(root) },
  });
}

async function activeTab(): Promise<string | null> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab?.id === undefined ? null : String(tab.id);
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
