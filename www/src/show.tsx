/** Fills a page with the viewer, or with a message in its place. */
import { type ComponentChildren, render } from "preact";
import { App } from "./app";
import { painted } from "./data/frames";
import { type Viewer, ViewerContext } from "./state";
import "./theme.css";
import { Empty, type EmptyProps } from "./ui/empty";

/** `more` follows the viewer, and can use it. */
export function showViewer(root: HTMLElement, viewer: Viewer, more?: ComponentChildren): void {
  render(
    <ViewerContext.Provider value={viewer}>
      <App />
      {more}
    </ViewerContext.Provider>,
    root,
  );
  void painted().then(() => viewer.shown());
}

export function showMessage(root: HTMLElement, message: EmptyProps): void {
  render(
    <div class="gate">
      <Empty {...message} />
    </div>,
    root,
  );
}
