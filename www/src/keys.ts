/** The keyboard: single keys while no field has the focus. */
import type { ListHandle } from "./list/list";
import { nextError, nextProblem, selectFirst, selectLast, step } from "./select";
import type { Viewer } from "./state";

const SEQUENCE_MS = 600;
/** Keys with which the browser scrolls the details. */
const SCROLLING = /^(?:Arrow|Page|Home$|End$| $)/;

export interface KeyTargets {
  list: { current: ListHandle | null };
  filter: { current: HTMLInputElement | null };
  help: () => void;
  sessions: () => void;
}

export function listen(viewer: Viewer, targets: KeyTargets): () => void {
  const { selection, view } = viewer;
  let lastG = 0;
  const page = () => targets.list.current?.page ?? 10;
  const fold = (event: KeyboardEvent) =>
    isOnControl(event) || viewer.mode.value === "network"
      ? false
      : view.setFold(selection.row, event.key === "ArrowRight");

  /** By key. An action that returns false leaves its key to the browser. */
  const actions: Record<string, (event: KeyboardEvent) => unknown> = {
    j: () => step(viewer, 1),
    k: () => step(viewer, -1),
    ArrowDown: () => step(viewer, 1),
    ArrowUp: () => step(viewer, -1),
    PageDown: () => step(viewer, page()),
    PageUp: () => step(viewer, -page()),
    ArrowRight: fold,
    ArrowLeft: fold,
    f: () => view.toggleFolding(),
    Home: () => selectFirst(viewer),
    End: () => selectLast(viewer),
    G: () => selectLast(viewer),
    g: ({ timeStamp }) => {
      if (timeStamp - lastG < SEQUENCE_MS) selectFirst(viewer);
      lastG = timeStamp;
    },
    e: () => nextError(viewer, 1),
    E: () => nextError(viewer, -1),
    p: () => nextProblem(viewer, 1),
    P: () => nextProblem(viewer, -1),
    Enter(event) {
      if (isOnControl(event)) return false;
      if (selection.selected.value !== null) selection.detailOpen.value = !selection.detailOpen.value;
      return true;
    },
    Escape() {
      if (selection.detailOpen.value) selection.detailOpen.value = false;
      else if (view.range.value !== null) view.setRange(null);
    },
    " ": (event) => (isOnControl(event) ? false : view.togglePause()),
    "/"() {
      targets.filter.current?.focus();
      targets.filter.current?.select();
    },
    s: targets.sessions,
    n: () => viewer.show(viewer.mode.value === "network" ? "events" : "network"),
    c: () => selection.copy(),
    l: () => viewer.copyLink(),
    t: () => viewer.theme.toggle(),
    "?": targets.help,
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // A dialog that has just closed keeps the focus until the next frame.
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select, dialog[open], .popover") !== null) return;
    if (SCROLLING.test(event.key) && target.closest(".pane-body") !== null) return;
    const action = actions[event.key];
    if (action !== undefined && action(event) !== false) event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function isOnControl({ target }: KeyboardEvent): boolean {
  return (target as HTMLElement).closest("button, a, [role=tab]") !== null;
}
