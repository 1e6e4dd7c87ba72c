/**
 * Where the viewer begins: it finds its source and shows the app, or says what is missing.
 *
 * Served by the collector, the source is the collector this page came from.
 */
import { render } from "preact";
import { App } from "./app";
import { exchange, forgetToken, storedToken, takeCode } from "./data/access";
import { CollectorSource } from "./data/collector";
import { SourceError } from "./data/source";
import { Viewer, ViewerContext } from "./state";
import "./theme.css";
import { Empty } from "./ui/empty";

const root = document.getElementById("app");

async function begin(into: HTMLElement): Promise<void> {
  const base = location.origin;
  const code = takeCode();
  let token = storedToken();
  if (code !== null) {
    try {
      token = await exchange(base, code);
    } catch (error) {
      // A link opened twice still works in the tab that already has its token.
      if (token === null) return showGate(into, error instanceof SourceError ? error.message : String(error));
    }
  }
  if (token === null) return showGate(into, null);
  const viewer = new Viewer(new CollectorSource(base, token));
  viewer.onRefused = () => {
    forgetToken();
    viewer.stop();
    showGate(into, "Its permission to read has ended.");
  };
  render(
    <ViewerContext.Provider value={viewer}>
      <App />
    </ViewerContext.Provider>,
    into,
  );
}

/** No permission to read yet, and how to get it. */
function showGate(into: HTMLElement, why: string | null): void {
  render(
    <div class="gate">
      <Empty
        title="Open the link from the terminal"
        text={
          why === null
            ? "What your tabs did is private, so this page may read it only when it is opened with a link that works once."
            : `This page cannot read the store yet: ${why}`
        }
        mend={
          <>
            <code>tabtape serve</code> and <code>npm start</code> print one. The popup's “Open viewer” has it,
            too.
          </>
        }
      />
    </div>,
    into,
  );
}

if (root !== null) void begin(root);
