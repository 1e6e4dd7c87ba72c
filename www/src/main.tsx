/** The entry of the viewer that the collector serves: a collector's store, or the way to the permission to read it. */
import { readAddress } from "./address";
import { exchange, forgetToken, storedToken, storeToken, takeCode } from "./data/access";
import { CollectorSource } from "./data/collector";
import { type DataSource, SourceError } from "./data/source";
import { showMessage, showViewer } from "./show";
import { Viewer } from "./state";

/** If the collector takes longer than this to answer, the viewer is shown without records. */
const AHEAD_MS = 200;

async function begin(root: HTMLElement): Promise<void> {
  const base = location.origin;
  const code = takeCode();
  let opened: string | null = null;
  let why: string | null = null;
  if (code !== null) {
    try {
      opened = await exchange(base, code);
    } catch (error) {
      // A link works once, but its tab keeps the token and can open the link again.
      why = error instanceof SourceError ? error.message : String(error);
    }
  }
  const token = opened ?? storedToken();
  if (token === null) return showGate(root, why);
  const source = new CollectorSource(base, token);
  const ahead = source.readAhead(readAddress(location.search));
  if (opened !== null) storeToken(opened);
  await showStore(root, source, ahead);
}

/** Shows the viewer, and its first rows at once if `ahead` is done in time. */
async function showStore(root: HTMLElement, source: DataSource, ahead: Promise<unknown>): Promise<void> {
  const viewer = new Viewer(source);
  let isRefused = false;
  viewer.onRefused = () => {
    isRefused = true;
    forgetToken();
    viewer.stop();
    showGate(root, "Its permission to read has ended.");
  };
  viewer.start();
  await Promise.race([ahead, wait(AHEAD_MS)]);
  // The list takes the records before this ends.
  await wait(0);
  if (!isRefused) showViewer(root, viewer);
}

/** Shows how to get the permission to read, and why it is missing. */
function showGate(root: HTMLElement, why: string | null): void {
  showMessage(root, {
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

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
