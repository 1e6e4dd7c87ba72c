/** The viewer as a page of the extension. It reads the logs of this browser, without a collector. */
import { LogsSource } from "../../www/src/data/logs.ts";
import { showMessage, showViewer } from "../../www/src/show.tsx";
import { Viewer } from "../../www/src/state.ts";
import { openLogs } from "./logs.ts";

async function begin(root: HTMLElement): Promise<void> {
  try {
    showViewer(root, new Viewer(new LogsSource(await openLogs())));
  } catch (error) {
    showMessage(root, {
      title: "The logs of this browser cannot be read",
      text: `${(error as Error).message}.`,
      action: { label: "Try again", run: () => void begin(root) },
    });
  }
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
