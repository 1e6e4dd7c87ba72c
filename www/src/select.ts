/** Moving the selection by rows, and from error to error, in the list of events or the table of requests. */
import type { Problem, Step } from "./data/problems";
import { hasFailed, type RequestRow } from "./network/requests";
import type { Viewer } from "./state";

/** As the columns number severities. */
const ERROR = 3;

/** Moves the selection by rows. Without a selection it begins at the newest row. */
export function step(viewer: Viewer, by: number): void {
  if (viewer.mode.value === "network") {
    selectRequest(viewer, requestRow(viewer), by);
    return;
  }
  const rows = viewer.view.rows.value;
  if (rows.length === 0) return;
  const now = viewer.selection.row;
  const next = now < 0 ? rows.length - 1 : Math.min(rows.length - 1, Math.max(0, now + by));
  viewer.selection.selectRow(next);
}

/** Selects the next error after the selection, or the one before it, and wraps around at the end. */
export function nextError(viewer: Viewer, direction: 1 | -1): void {
  if (viewer.mode.value === "network") {
    const { current: requests } = viewer.requests;
    const found = requests[nextRow(requests, requestRow(viewer), direction, (i) => hasFailed(requests[i]))];
    if (found === undefined) viewer.notices.say("No request in view has failed.");
    else select(viewer, found);
    return;
  }
  const feed = viewer.view.feed.value;
  const rows = viewer.view.rows.value;
  if (feed === null || rows.length === 0) return;
  const isError = (i: number) => feed.severity(rows.feedRow(i)) === ERROR;
  const found = nextRow(rows, viewer.selection.row, direction, isError);
  if (found < 0) viewer.notices.say("No row in view is an error.");
  else viewer.selection.selectRow(found);
}

/** Returns the next row after row `now` that is wanted, or the one before it, else -1. A `now` of -1 is no row. */
function nextRow(
  { length }: { length: number },
  now: number,
  direction: 1 | -1,
  isWanted: (i: number) => boolean,
): number {
  const start = now >= 0 ? now : direction === 1 ? -1 : length;
  for (let n = 1; n <= length; n++) {
    const i = (start + direction * n + length * 2) % length;
    if (isWanted(i)) return i;
  }
  return -1;
}

/** Returns the problem whose chain is shown: the first one until a person opens or closes one. */
export function openedProblem({ problems }: Viewer): Problem | undefined {
  const { value: all } = problems.inView;
  const { value: opened } = problems.opened;
  return opened === null ? all[0] : all.find(({ key }) => key === opened);
}

/** Selects the record of a step, and opens its details. */
export function showStep(viewer: Viewer, { session, seq, type }: Step): void {
  if (viewer.mode.value === "network" && !type.startsWith("network.")) viewer.show("events");
  viewer.selection.selectSeq(session, seq);
}

/** Opens the next problem or the one before it, and selects its error. */
export function nextProblem(viewer: Viewer, direction: 1 | -1): void {
  const { problems, selection } = viewer;
  const { value: all } = problems.inView;
  if (all.length === 0) {
    viewer.notices.say("No problem was found in this view.");
    return;
  }
  const selected = selection.selected.value;
  const now = all.findIndex(({ error }) => error.session === selected?.session && error.seq === selected.seq);
  const next = now < 0 ? (direction === 1 ? 0 : -1) : now + direction;
  const problem = all[(next + all.length) % all.length];
  if (problem === undefined) return;
  if (!problems.isOpen.value) problems.toggle();
  problems.opened.value = problem.key;
  showStep(viewer, problem.error);
}

/** Selects the oldest row, or in the table of requests the first. */
export function selectFirst(viewer: Viewer): void {
  if (viewer.mode.value === "network") selectRequest(viewer, 0, 0);
  else viewer.selection.selectOldest();
}

/** Selects the newest row and follows, or in the table of requests selects the last one. */
export function selectLast(viewer: Viewer): void {
  if (viewer.mode.value === "network") {
    selectRequest(viewer, viewer.requests.current.length - 1, 0);
    return;
  }
  viewer.view.pausedAt.value = null;
  viewer.selection.selectRow(viewer.view.rows.value.length - 1);
  viewer.view.following.value = true;
}

function requestRow(viewer: Viewer): number {
  const { value: selected } = viewer.selection.selected;
  if (selected === null) return -1;
  return viewer.requests.current.findIndex(
    ({ session, seqs }) => session === selected.session && seqs.includes(selected.seq),
  );
}

function selectRequest(viewer: Viewer, from: number, by: number): void {
  const { current: rows } = viewer.requests;
  const row = rows[from < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, from + by))];
  if (row !== undefined) select(viewer, row);
}

function select(viewer: Viewer, { session, seq }: RequestRow): void {
  viewer.selection.selected.value = { session, seq };
}
