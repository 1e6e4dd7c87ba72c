/** Moving the selection by rows, and from error to error. */
import type { Viewer } from "./state";

/** As the columns number severities. */
const ERROR = 3;

/** Moves the selection by rows. Without a selection it begins at the newest row. */
export function step(viewer: Viewer, by: number): void {
  const rows = viewer.view.rows.value;
  if (rows.length === 0) return;
  const now = viewer.selection.row;
  const next = now < 0 ? rows.length - 1 : Math.min(rows.length - 1, Math.max(0, now + by));
  viewer.selection.selectRow(next);
}

/** Selects the next error after the selection, or the one before it, and wraps around at the end. */
export function nextError(viewer: Viewer, direction: 1 | -1): void {
  const feed = viewer.view.feed.value;
  const rows = viewer.view.rows.value;
  if (feed === null || rows.length === 0) return;
  const now = viewer.selection.row;
  const start = now >= 0 ? now : direction === 1 ? -1 : rows.length;
  for (let n = 1; n <= rows.length; n++) {
    const i = (start + direction * n + rows.length * 2) % rows.length;
    if (feed.severity(rows.feedRow(i)) !== ERROR) continue;
    viewer.selection.selectRow(i);
    return;
  }
  viewer.notices.say("No row in view is an error.");
}
