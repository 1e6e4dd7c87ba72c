/** The export of the filtered records, in the chosen time range, as a file. */
import { useSignal } from "@preact/signals";
import { ALL_SESSIONS, type DataSource } from "../data/source";
import { count } from "../data/time";
import { useViewer } from "../state";
import { download } from "../ui/download";
import { Icon } from "../ui/icon";
import { Popover } from "../ui/popover";
import { type ExportFormat, exported } from "./exported";
import "./export.css";

const FORMATS: { format: ExportFormat; name: string; about: string; ending?: string }[] = [
  { format: "ndjson", name: "NDJSON", about: "every record as stored, gaps included" },
  { format: "har", name: "HAR", about: "the requests, which browsers' network panels import" },
  { format: "txt", name: "Text", about: "one line per record, to read or to paste into a report" },
  {
    format: "markdown",
    name: "Bug report",
    about: "the problems with what led to each, as Markdown",
    ending: "md",
  },
  {
    format: "playwright",
    name: "Playwright test",
    about: "a script that repeats what was done, up to the first problem",
    ending: "spec.js",
  },
  {
    format: "bundle",
    name: "Bundle",
    about: "one page with this viewer and the records, which opens offline",
    ending: "html",
  },
];

export function ExportMenu() {
  const viewer = useViewer();
  const done = useSignal<number | null>(null);
  const running = useSignal<AbortController | null>(null);

  const run = async (format: ExportFormat, ending: string, close: () => void) => {
    const session = viewer.view.sessionId.value;
    if (session === null) return;
    const abort = new AbortController();
    running.value = abort;
    done.value = 0;
    try {
      const file = await exported(viewer, session, format, abort.signal, (records) => (done.value = records));
      download(file, `tabtape-${session === ALL_SESSIONS ? session : session.slice(-8)}.${ending}`);
      const records = done.value ?? 0;
      viewer.notices.say(records > 0 ? `${count(records)} records exported` : "Exported");
      close();
    } catch (error) {
      if (!abort.signal.aborted) viewer.notices.sayError(error);
    } finally {
      running.value = null;
      done.value = null;
    }
  };

  return (
    <Popover
      name="Export"
      align="right"
      label={
        <>
          <Icon name="export" />
          Export
        </>
      }
    >
      {(close) => (
        <div class="export">
          <p class="dim">
            {viewer.view.q.value === "" && viewer.view.range.value === null
              ? viewer.view.sessionId.value === ALL_SESSIONS
                ? "All sessions"
                : "The whole session"
              : "The filtered records"}
            : {count(viewer.view.rows.value.records)} records
          </p>
          {FORMATS.filter(({ format }) => canMake(viewer.source, format)).map(
            ({ format, name, about, ending }) => (
              <button
                key={format}
                type="button"
                class="export-format"
                disabled={running.value !== null}
                onClick={() => void run(format, ending ?? format, close)}
              >
                <b>{name}</b>
                <span class="dim">{about}</span>
              </button>
            ),
          )}
          {running.value === null ? null : (
            <p class="export-progress" role="status">
              {count(done.value ?? 0)} records read
              <button type="button" class="button small" onClick={() => running.value?.abort()}>
                Stop
              </button>
            </p>
          )}
        </div>
      )}
    </Popover>
  );
}

function canMake({ files }: DataSource, format: ExportFormat): boolean {
  return format === "ndjson" || format === "txt" || files.includes(format);
}
