/**
 * Decides whether a document is recorded: by the sites of the capture config, and never our own pages.
 *
 * The core matches the patterns of sites. This file adds the cases that only a browser has: our own pages, the
 * collector's documents, and documents without an address of their own, which follow the page they are in.
 */
import type { Recorder } from "../../../src/web/types.ts";
import { readInvitation } from "../../pair/invitation.ts";

/** `chrome-extension://<our id>`: how the addresses of our pages start. */
const OWN_ORIGIN = chrome.runtime.getURL("").replace(/\/$/, "");

export class Scope {
  #collectorOrigins: string[] = [];

  setCollector(url: string | null): void {
    this.#collectorOrigins = url === null ? [] : loopbackNames(url);
  }

  /** Our own pages, and the documents of the collector, one that invites us to pair among them. */
  isOurs(url: string | undefined): boolean {
    if (url === undefined || url === "") return false;
    if (readInvitation(url) !== null) return true;
    return isWithin(url, OWN_ORIGIN) || this.#collectorOrigins.some((origin) => isWithin(url, origin));
  }

  /** Whether the document at `url` is recorded; `around` is the page it is in. */
  isRecorded(recorder: Recorder, url: string | undefined, around?: string): boolean {
    if (this.isOurs(url) || this.isOurs(around)) return false;
    const deciding = hasHost(url) ? url : around;
    return !hasHost(deciding) || recorder.isSiteRecorded(deciding);
  }

  /** Match patterns of the content scripts. */
  matchPatterns(recorder: Recorder): { matches: string[]; excludeMatches: string[] } {
    const { matches, exclude_matches } = recorder.matchPatterns();
    return {
      matches,
      excludeMatches: [...exclude_matches, ...this.#collectorOrigins.map((origin) => `${origin}/*`)],
    };
  }
}

function hasHost(url: string | undefined): url is string {
  return url !== undefined && /^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i.test(url);
}

/** `localhost` and `127.0.0.1` are one collector under two names. */
function loopbackNames(collectorUrl: string): string[] {
  const { protocol, port } = new URL(collectorUrl);
  return ["127.0.0.1", "localhost"].map((host) => `${protocol}//${host}${port === "" ? "" : `:${port}`}`);
}

function isWithin(url: string, origin: string): boolean {
  return (
    url.startsWith(origin) && (url.length === origin.length || "/?#".includes(url[origin.length] as string))
  );
}
