/**
 * The entry of the viewer that the collector serves. It reads from that collector.
 *
 * Without permission to read, it shows how to get it.
 */
import { exchange, forgetToken, storedToken, takeCode } from "./data/access";
import { CollectorSource } from "./data/collector";
import { SourceError } from "./data/source";
import { showMessage, showViewer } from "./show";
import { Viewer } from "./state";

const root = document.getElementById("app");

async function begin(into: HTMLElement): Promise<void> {
  const base = location.origin;
  const code = takeCode();
  let token = storedToken();
  if (code !== null) {
    try {
      token = await exchange(base, code);
    } catch (error) {
      // A link works once, but its tab keeps the token and can open the link again.
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
  // Its first requests are under way while the page is rendered.
  viewer.start();
  showViewer(into, viewer);
}

/** Shows how to get the permission to read, and why it is missing. */
function showGate(into: HTMLElement, why: string | null): void {
  showMessage(into, {
    title: "Open the link from the terminal",
    text:
      why === null
        ? "What your tabs did is private, so this page may read it only when it is opened with a link that works once."
        : `This page cannot read the store yet: ${why}`,
    mend: (
      <>
        <code>tabtape serve</code> and <code>npm start</code> print one. The popup's “Open viewer” has it,
        too.
      </>
    ),
  });
}

if (root !== null) void begin(root);
