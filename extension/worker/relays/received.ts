/** Checks of messages from relays: a content script shares its process with the page. */
import type { RelayToWorker } from "../../protocol.ts";

const MAX_RELAY_ID = 64;
/** Twice the window of an honest relay's biggest post, in UTF-16 units; one line may be large. */
const MAX_LINES_LENGTH = 4 << 20;

export function isRelayMessage(message: unknown): message is RelayToWorker {
  const { kind, relay, first, lines, ping, sent, acked } = (message ?? {}) as Record<string, unknown>;
  if (typeof relay !== "string" || relay.length > MAX_RELAY_ID) return false;
  switch (kind as RelayToWorker["kind"]) {
    case "lines":
      return isCount(first) && first >= 1 && typeof lines === "string" && lines.length <= MAX_LINES_LENGTH;
    case "left":
      return isCount(sent) && isCount(acked);
    case "pong":
      return isCount(ping) && isCount(sent) && isCount(acked);
    case "closing":
      return true;
    default:
      return false;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** A number that a page may have sent; 0 for anything else. */
export function figure(value: unknown): number {
  return isCount(value) && value > 0 ? value : 0;
}
