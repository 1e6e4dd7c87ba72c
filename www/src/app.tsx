/** The page: bar, quick filters, timeline, list and details, status. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import "./app.css";
import { ExportMenu } from "./export/menu";
import { FilterBar } from "./filter/bar";
import { Chips } from "./filter/chips";
import { TabPicker } from "./filter/tabs";
import { listen } from "./keys";
import { List, type ListHandle } from "./list/list";
import { step } from "./select";
import { Sessions } from "./sessions/picker";
import { useViewer } from "./state";
import { Status } from "./status";
import { Icon } from "./ui/icon";
import { IconButton } from "./ui/icon_button";
import { LaterParts } from "./ui/later";
import { Splitter } from "./ui/splitter";

const parts = new LaterParts(() => import("./parts"));
const Compare = parts.component("", ({ Compare }) => Compare);
const Help = parts.component("", ({ Help }) => Help);
const NetworkTable = parts.component("list", ({ NetworkTable }) => NetworkTable);
const Pane = parts.component("", ({ Pane }) => Pane);
const ProblemsPanel = parts.component("", ({ ProblemsPanel }) => ProblemsPanel);
const Timeline = parts.component("timeline", ({ Timeline }) => Timeline);

export function App() {
  const viewer = useViewer();
  const list = useRef<ListHandle | null>(null);
  const filter = useRef<HTMLInputElement>(null);
  const help = useSignal(false);

  useEffect(() => {
    viewer.start();
    const unlisten = listen(viewer, {
      list,
      filter,
      help: () => (help.value = true),
      sessions: () => document.querySelector<HTMLButtonElement>(".session-button")?.click(),
    });
    return () => {
      unlisten();
      viewer.stop();
    };
  }, []);

  const comparing = viewer.compareWith.value !== null;
  return (
    <div class="viewer">
      <header class="bar">
        <h1 class="brand" aria-label="Tabtape">
          <Reels live={viewer.view.feed.value?.state.value === "live"} />
        </h1>
        <Sessions />
        <TabPicker />
        <FilterBar field={filter} />
        <Tools help={() => (help.value = true)} />
      </header>
      <Chips />
      {comparing ? (
        <Compare />
      ) : (
        <>
          <Timeline />
          <main class="split">
            <div class="split-main">
              <ProblemsPanel />
              {viewer.mode.value === "network" ? <NetworkTable /> : <List handle={list} />}
            </div>
            {viewer.selection.detailOpen.value && viewer.selection.selected.value !== null ? (
              <Splitter>
                <Pane move={(by) => step(viewer, by)} />
              </Splitter>
            ) : null}
          </main>
        </>
      )}
      <Status />
      {help.value && <Help onClose={() => (help.value = false)} />}
      <div class="toast" role="status" aria-live="polite">
        {viewer.notices.text.value === null ? null : <span>{viewer.notices.text.value}</span>}
      </div>
    </div>
  );
}

function Tools({ help }: { help: () => void }) {
  const viewer = useViewer();
  const paused = viewer.view.pausedAt.value !== null;
  const dark = viewer.theme.value === "dark";
  const folds = viewer.view.folding.value.isOn;
  return (
    <div class="tools" role="toolbar" aria-label="View">
      <button
        type="button"
        class={`button${paused ? " on" : ""}`}
        aria-pressed={paused}
        title={paused ? "Resume (space)" : "Pause (space)"}
        onClick={() => viewer.view.togglePause()}
      >
        <Icon name={paused ? "play" : "pause"} />
        {paused ? "Resume" : "Pause"}
      </button>
      <button
        type="button"
        class={`button icon-only${folds ? " on" : ""}`}
        aria-pressed={folds}
        title="Fold repeats and routine messages (f)"
        aria-label="Fold repeats and routine messages"
        onClick={() => viewer.view.toggleFolding()}
      >
        <Icon name="fold" />
      </button>
      <ExportMenu />
      <IconButton
        icon={dark ? "sun" : "moon"}
        title="Light or dark (t)"
        label={dark ? "Use the light theme" : "Use the dark theme"}
        onClick={() => viewer.theme.toggle()}
      />
      <IconButton icon="help" title="Keys and filters (?)" label="Keys and filters" onClick={help} />
    </div>
  );
}

/** The two reels of a tape; they turn while events come in. */
function Reels({ live }: { live: boolean }) {
  return (
    <svg class={`reels${live ? " live" : ""}`} viewBox="0 0 32 20" width="32" height="20" aria-hidden="true">
      <g class="reel">
        <circle cx="8" cy="9" r="6.5" />
        <path d="M8 4v3M3.7 11.5l2.6-1.5M12.3 11.5 9.7 10" />
      </g>
      <g class="reel">
        <circle cx="24" cy="9" r="6.5" />
        <path d="M24 4v3M19.7 11.5l2.6-1.5M28.3 11.5 25.7 10" />
      </g>
      <path d="M8 15.5h16" />
    </svg>
  );
}
