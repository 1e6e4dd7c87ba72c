/** The popup: is it recording, what has it, where does it go. */

import { signal } from "@preact/signals";
import { render } from "preact";
import type { Status } from "../worker/messages.ts";
import { command } from "./command.ts";

const REFRESH_MS = 1_000;

const status = signal<Status | null>(null);
const problem = signal<string | null>(null);

async function refresh(): Promise<void> {
  try {
    status.value = await command<Status>({ command: "status" });
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

async function run(message: Parameters<typeof command>[0]): Promise<void> {
  problem.value = null;
  try {
    await command(message);
  } catch (error) {
    problem.value = (error as Error).message;
  }
  await refresh();
}

/** In the store build, asking for the hosts has to come first: it needs the click itself. */
async function record(what: "site" | "all"): Promise<void> {
  problem.value = null;
  const host = what === "site" ? await siteInFront() : null;
  if (what === "site" && host === null) {
    problem.value = "this tab shows no site that can be recorded";
    return;
  }
  const origins = [host === null ? "<all_urls>" : `*://${host}/*`];
  if (!(await chrome.permissions.contains({ origins })) && !(await chrome.permissions.request({ origins })))
    return;
  await run({ command: "configure", patch: { sites: { include: [host ?? "*"] } } });
  await run({ command: "start" });
}

async function siteInFront(): Promise<string | null> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  if (tab?.url === undefined || !/^https?:/.test(tab.url)) return null;
  return new URL(tab.url).hostname;
}

function Popup() {
  const now = status.value;
  if (now === null) return <p>{problem.value ?? "…"}</p>;
  const { recorder } = now;
  const events =
    recorder === null ? 0 : Object.values(recorder.categories).reduce((sum, { events }) => sum + events, 0);
  const trouble = problem.value ?? now.failure ?? recorder?.collector.error ?? null;
  return (
    <>
      <header>
        <h1>Tabtape</h1>
        {now.recording ? (
          <button type="button" aria-pressed="true" onClick={() => void run({ command: "stop" })}>
            Stop recording
          </button>
        ) : null}
      </header>
      {now.recording ? null : (
        <>
          <p>Nothing is being recorded.</p>
          <div class="row">
            <button type="button" onClick={() => void record("site")}>
              Record this site
            </button>
            <button type="button" onClick={() => void record("all")}>
              Record all sites
            </button>
          </div>
        </>
      )}
      {trouble === null ? null : <p class="problem">{trouble}</p>}
      {recorder === null ? null : (
        <dl>
          <dt>Events</dt>
          <dd>{events.toLocaleString()}</dd>
          <dt>Errors</dt>
          <dd>{recorder.errors.toLocaleString()}</dd>
          <dt>Not delivered yet</dt>
          <dd>{recorder.backlog_events.toLocaleString()}</dd>
          <dt>Storage</dt>
          <dd>{(recorder.storage_bytes / (1 << 20)).toFixed(1)} MiB</dd>
          <dt>Collector</dt>
          <dd>
            {recorder.collector.state === "none"
              ? "not paired"
              : `${recorder.collector.state}, ${recorder.collector.url ?? ""}`}
          </dd>
        </dl>
      )}
      {now.asking_extensions.map((id) => (
        <p class="problem" key={id}>
          Extension {id} asks to publish.{" "}
          <button
            type="button"
            onClick={() => void run({ command: "approve", extension_id: id, approved: true })}
          >
            Approve
          </button>
        </p>
      ))}
      <div class="row">
        <button
          type="button"
          disabled={!now.recording}
          onClick={() => void run({ command: "mark", note: "" })}
        >
          Mark
        </button>
        <button
          type="button"
          disabled={now.collector_url === null}
          onClick={() => void run({ command: "open_viewer" })}
        >
          Open viewer
        </button>
      </div>
    </>
  );
}

const root = document.getElementById("popup");
if (root !== null) render(<Popup />, root);
void refresh();
setInterval(() => void refresh(), REFRESH_MS);
