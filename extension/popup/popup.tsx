/** The popup: the recorder's state, its numbers and its settings. */
import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";
import "../../www/src/theme.css";
import { typedInto } from "../../www/src/ui/typed.ts";
import type { Status } from "../protocol.ts";
import { Capture } from "./capture.tsx";
import { Collector } from "./collector.tsx";
import { Footer } from "./footer.tsx";
import { Late } from "./late.tsx";
import { More } from "./more.tsx";
import { Numbers } from "./numbers.tsx";
import { Pin } from "./pin.tsx";
import "./popup.css";
import { done, problem, record, run, site, status, watch } from "./state.ts";

function Popup() {
  const now = status.value;
  if (now === null) return <p class="quiet pad">{problem.value ?? "…"}</p>;
  const recorder = now.recording ? now.recorder : null;
  const trouble = problem.value ?? now.failure;
  return (
    <>
      <Header now={now} />
      {trouble === null ? null : (
        <p class="problem" role="alert">
          {trouble}
        </p>
      )}
      {now.recording ? null : <Begin />}
      <Late tab="This tab" />
      {recorder === null ? null : (
        <>
          <Numbers recorder={recorder} />
          <Mark />
        </>
      )}
      <Collector now={now} />
      {now.config === null ? null : <Capture config={now.config} recorder={recorder} />}
      <More now={now} />
      <Asking ids={now.asking_extensions} />
      <Footer now={now} />
      <p class="done" role="status" aria-live="polite">
        {done.value}
      </p>
    </>
  );
}

function Header({ now }: { now: Status }) {
  const isVolatile = now.recorder?.state === "volatile";
  return (
    <header>
      <span class={`light ${now.recording ? (isVolatile ? "amber" : "red") : ""}`} aria-hidden="true" />
      <h1>{now.recording ? "Recording" : "Tabtape"}</h1>
      {isVolatile ? <span class="badge">in memory only</span> : null}
      {now.recording ? (
        <button type="button" class="stop" onClick={() => void run({ command: "stop" })}>
          <span class="square" aria-hidden="true" />
          Stop recording
        </button>
      ) : null}
    </header>
  );
}

function Begin() {
  return (
    <section class="begin" aria-label="Begin">
      <p>
        <b>Nothing is being recorded.</b>
      </p>
      <p class="quiet">
        Console, errors, network, navigation and clicks are stored on this computer. Secrets are removed.
      </p>
      <div class="row">
        {site.value === null ? null : (
          <button type="button" class="primary" title={site.value} onClick={() => void record("site")}>
            Record this site
          </button>
        )}
        <button
          type="button"
          class={site.value === null ? "primary" : undefined}
          onClick={() => void record("all")}
        >
          Record all sites
        </button>
      </div>
      <Pin />
    </section>
  );
}

/** Marks a moment in the recording, with an optional note. */
function Mark() {
  const note = useSignal("");
  const key = useSignal("");
  useEffect(() => {
    void chrome.commands.getAll().then((all) => {
      key.value = all.find(({ name }) => name === "mark")?.shortcut ?? "";
    });
  }, []);
  const mark = async () => {
    if (await run({ command: "mark", note: note.value.trim() }, "Marked")) note.value = "";
  };
  return (
    <form
      class="mark"
      onSubmit={(event) => {
        event.preventDefault();
        void mark();
      }}
    >
      <input
        aria-label="Note"
        placeholder="What happened here?"
        maxLength={1000}
        value={note.value}
        onInput={typedInto(note)}
      />
      {key.value === "" ? null : <kbd title="Marks without this popup">{key.value}</kbd>}
      <button type="submit">Mark</button>
    </form>
  );
}

function Asking({ ids }: { ids: string[] }) {
  return (
    <>
      {ids.map((id) => (
        <p class="problem asking" key={id}>
          <span>
            Extension <code>{id}</code> asks to publish.
          </span>
          <button
            type="button"
            onClick={() => void run({ command: "approve", extension_id: id, approved: true })}
          >
            Approve
          </button>
        </p>
      ))}
    </>
  );
}

const root = document.getElementById("popup");
if (root !== null) render(<Popup />, root);
void watch();
