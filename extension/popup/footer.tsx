/** Buttons that show, export, split and delete the recording, and its size. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { bytes, count, shortCount } from "../../www/src/data/time.ts";
import type { Status } from "../protocol.ts";
import { exporting, exportLogs, storage, tallyAnew, watchStorage } from "./logs.ts";
import { forget, newSession, openPanel, run, site, status } from "./state.ts";

/** The button asks "Really forget?" for this long. */
const SURE_MS = 4_000;

export function Footer({ now }: { now: Status }) {
  useEffect(() => {
    void watchStorage();
  }, []);
  return (
    <footer>
      {now.recording ? (
        <>
          <div class="row">
            <Viewer />
            <button
              type="button"
              title="This tab's events, next to the page"
              onClick={() => void openPanel()}
            >
              Side panel
            </button>
          </div>
          <div class="row three">
            <button
              type="button"
              title="Ends this session and begins another"
              onClick={() => void newSession()}
            >
              New session
            </button>
            <Export />
            <Forget />
          </div>
        </>
      ) : (
        <div class="row three">
          <Viewer />
          <Export />
          <Forget />
        </div>
      )}
      <Stored now={now} />
    </footer>
  );
}

/** The main button while recording. Before, the button that begins a recording is the main one. */
function Viewer() {
  return (
    <button
      type="button"
      class={status.value?.recording ? "primary" : undefined}
      onClick={() => void run({ command: "open_viewer" })}
    >
      Open viewer
    </button>
  );
}

function Export() {
  return (
    <button
      type="button"
      disabled={exporting.value !== null}
      title="Everything in this browser's logs, as NDJSON"
      onClick={() => void exportLogs()}
    >
      {exporting.value === null ? "Export" : shortCount(exporting.value)}
    </button>
  );
}

/** Deletes the site's records at the second click. */
function Forget() {
  const sure = useSignal(false);
  const host = site.value;
  useEffect(() => {
    if (!sure.value) return;
    const timer = setTimeout(() => (sure.value = false), SURE_MS);
    return () => clearTimeout(timer);
  }, [sure.value]);
  return (
    <button
      type="button"
      class={sure.value ? "danger" : undefined}
      disabled={host === null}
      title={
        host === null
          ? "This tab shows no site"
          : `Deletes all records of ${host} and its subdomains, in this browser and in the collector's store`
      }
      onClick={() => {
        if (sure.value && host !== null) void forget(host).then(tallyAnew);
        sure.value = !sure.value;
      }}
    >
      {sure.value ? "Really forget?" : "Forget this site"}
    </button>
  );
}

function Stored({ now }: { now: Status }) {
  const all = storage.value;
  const secrets = now.recorder?.redactions ?? 0;
  if (all === null) return null;
  const parts = Object.entries(all.bytes_by_category).sort(([, a], [, b]) => b - a);
  const sum = parts.reduce((total, [, size]) => total + size, 0);
  return (
    <p class="quiet" title={parts.map(([name, size]) => `${name} ${bytes(size)}`).join("\n")}>
      {bytes(sum)} stored in this browser
      {secrets > 0 ? ` · ${count(secrets)} secrets removed` : ""}
    </p>
  );
}
