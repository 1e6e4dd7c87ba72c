/**
 * The side panel: the viewer, narrow, on the tab in front. It moves with the tab; its filter stays the person's to
 * change.
 *
 * It reads the collector with a token of its own, which the recorder's pairing lets it ask for, and where no
 * collector is connected the logs of this browser.
 */
import { render } from "preact";
import { App } from "../../www/src/app.tsx";
import { exchange, forgetToken, storedToken } from "../../www/src/data/access.ts";
import { CollectorSource } from "../../www/src/data/collector.ts";
import { LogsSource } from "../../www/src/data/logs.ts";
import type { DataSource } from "../../www/src/data/source.ts";
import { valuesOf, withValues } from "../../www/src/filter/text.ts";
import { Viewer, ViewerContext } from "../../www/src/state.ts";
import "../../www/src/theme.css";
import { Empty } from "../../www/src/ui/empty.tsx";
import { command } from "../popup/command.ts";
import { openLogs } from "../viewer/logs.ts";
import type { Status } from "../worker/messages.ts";

async function begin(root: HTMLElement): Promise<void> {
  try {
    const status = await command<Status>({ command: "status" });
    if (status.recorder === null) return say(root, "Nothing is being recorded");
    const source = await sourceOf(status);
    const tab = await tabInFront();
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

/** The collector, if one is connected, has all of it; else the logs of this browser have what is recorded now. */
async function sourceOf({ collector_url, recorder }: Status): Promise<DataSource> {
  if (collector_url === null || recorder?.collector.state !== "ok") return new LogsSource(await openLogs());
  return new CollectorSource(collector_url, storedToken() ?? (await askForToken(collector_url)));
}

async function askForToken(base: string): Promise<string> {
  const link = new URL(await command<string>({ command: "viewer_link" }));
  return exchange(base, new URLSearchParams(link.hash.slice(1)).get("code") ?? "");
}

function show(root: HTMLElement, source: DataSource): void {
  const viewer = new Viewer(source);
  const moved = async () => {
    const tab = await tabInFront();
    // A person who took the tab out of the filter wants to see them all.
    if (tab !== null && valuesOf(viewer.view.draft.value, "tab").length > 0)
      viewer.view.applyFilter(withValues(viewer.view.draft.value, "tab", [tab]));
  };
  const activated = () => void moved();
  chrome.tabs.onActivated.addListener(activated);
  // A page that was prepared in advance takes its tab's place under another id.
  chrome.tabs.onReplaced.addListener(activated);
  viewer.onRefused = () => {
    chrome.tabs.onActivated.removeListener(activated);
    chrome.tabs.onReplaced.removeListener(activated);
    viewer.stop();
    forgetToken();
    void begin(root);
  };
  render(
    <ViewerContext.Provider value={viewer}>
      <App />
    </ViewerContext.Provider>,
    root,
  );
}

function say(root: HTMLElement, title: string): void {
  render(
    <div class="gate">
      <Empty
        title={title}
        text="The panel shows what is recorded of the tab in front. The popup has the switch."
        action={{ label: "Try again", run: () => void begin(root) }}
      />
    </div>,
    root,
  );
}

async function tabInFront(): Promise<string | null> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  return tab?.id === undefined ? null : String(tab.id);
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
