/**
 * The entry of the viewer that the collector serves. It reads from that collector.
 *
 * The newest records are requested while the rest of the viewer is loaded and compiled: see `served.tsx`.
 */
import { readAddress } from "./address";
import { exchange, storedToken, storeToken, takeCode } from "./data/access";
import { CollectorSource } from "./data/collector";
import { SourceError } from "./data/source";

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
  if (token === null) return (await import("./served")).showGate(root, why);
  const source = new CollectorSource(base, token);
  const ahead = source.readAhead(readAddress(location.search));
  const served = import("./served");
  if (opened !== null) storeToken(opened);
  await (await served).showStore(root, source, ahead);
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
