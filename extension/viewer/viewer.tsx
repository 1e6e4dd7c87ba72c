/** The viewer as a page of the extension. It reads the logs of this browser, without a collector. */
import { render } from "preact";
import { App } from "../../www/src/app.tsx";
import { LogsSource } from "../../www/src/data/logs.ts";
import { Viewer, ViewerContext } from "../../www/src/state.ts";
import "../../www/src/theme.css";
import { Empty } from "../../www/src/ui/empty.tsx";
import { openLogs } from "./logs.ts";

async function begin(root: HTMLElement): Promise<void> {
  try {
    const viewer = new Viewer(new LogsSource(await openLogs()));
    render(
      <ViewerContext.Provider value={viewer}>
        <App />
      </ViewerContext.Provider>,
      root,
    );
  } catch (error) {
    render(
      <div class="gate">
        <Empty
          title="The logs of this browser cannot be read"
          text={`${(error as Error).message}.`}
          action={{ label: "Try again", run: () => void begin(root) }}
        />
      </div>,
      root,
    );
  }
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
