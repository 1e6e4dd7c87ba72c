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
  let lastG = 0;

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    // A dialog that has just closed keeps the focus until the next frame.
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select, dialog[open], .popover") !== null) return;
    const onControl = target.closest("button, a, [role=tab]") !== null;
    if (SCROLLING.test(event.key) && target.closest(".pane-body") !== null) return;
    const page = targets.list.current?.page ?? 10;
    switch (event.key) {
      case "j":
        step(viewer, 1);
        break;
      case "k":
        step(viewer, -1);
        break;
      case "ArrowDown":
        step(viewer, 1);
        break;
      case "ArrowUp":
        step(viewer, -1);
        break;
      case "PageDown":
        step(viewer, page);
        break;
      case "PageUp":
        step(viewer, -page);
        break;
      case "ArrowRight":
      case "ArrowLeft":
        if (onControl || viewer.mode.value === "network") return;
        viewer.view.setFold(viewer.selection.row, event.key === "ArrowRight");
        break;
      case "f":
        viewer.view.toggleFolding();
        break;
      case "Home":
        selectFirst(viewer);
        break;
      case "End":
      case "G":
        selectLast(viewer);
        break;
      case "g":
        if (event.timeStamp - lastG < SEQUENCE_MS) selectFirst(viewer);
        lastG = event.timeStamp;
        break;
      case "e":
        nextError(viewer, 1);
        break;
      case "E":
        nextError(viewer, -1);
        break;
      case "p":
        nextProblem(viewer, 1);
        break;
      case "P":
        nextProblem(viewer, -1);
        break;
      case "Enter":
        if (onControl) return;
        if (viewer.selection.selected.value !== null)
          viewer.selection.detailOpen.value = !viewer.selection.detailOpen.value;
        break;
      case "Escape":
        if (viewer.selection.detailOpen.value) viewer.selection.detailOpen.value = false;
        else if (viewer.view.range.value !== null) viewer.view.setRange(null);
        break;
      case " ":
        if (onControl) return;
        viewer.view.togglePause();
        break;
      case "/":
        targets.filter.current?.focus();
        targets.filter.current?.select();
        break;
      case "s":
        targets.sessions();
        break;
      case "n":
        viewer.show(viewer.mode.value === "network" ? "events" : "network");
        break;
      case "c":
        void viewer.selection.copy();
        break;
      case "l":
        void viewer.copyLink();
        break;
      case "t":
        viewer.theme.toggle();
        break;
      case "?":
        targets.help();
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
