/**
 * The entry of the viewer that the collector serves. It reads from that collector.
 *
 * The newest records are requested while the rest of the viewer is loaded and compiled: see `served.tsx`.
 */
import { readAddress } from "./address";
import { exchange, storedToken, takeCode } from "./data/access";
import { CollectorSource } from "./data/collector";
import { SourceError } from "./data/source";

async function begin(root: HTMLElement): Promise<void> {
  const viewer = import("./served");
  const base = location.origin;
  const code = takeCode();
  let token = storedToken();
  let why: string | null = null;
  if (code !== null) {
    try {
      token = await exchange(base, code);
    } catch (error) {
      // A link works once, but its tab keeps the token and can open the link again.
      why = error instanceof SourceError ? error.message : String(error);
    }
  }
  if (token === null) return (await viewer).showGate(root, why);
  const source = new CollectorSource(base, token);
  const ahead = source.readAhead(readAddress(location.search));
  await (await viewer).showStore(root, source, ahead);
}

const root = document.getElementById("app");
if (root !== null) void begin(root);
