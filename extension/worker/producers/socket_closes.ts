/**
 * Close codes of WebSockets in debugged tabs: the page reports them, and the protocol, which records the rest, does not.
 */
import { Changes } from "../changes.ts";

export interface SocketClose {
  code: number;
  reason: string;
  clean: boolean;
}

interface Reported {
  tabId: number;
  url: string;
  close: SocketClose;
}

/** The page's report takes another way to the worker. A worker's socket has none. */
const WAIT_MS = 500;
const MAX_REPORTED = 200;
/** Characters that the page gives of an address. */
const MAX_URL = 2_048;

export class SocketCloses {
  #reported: Reported[] = [];
  readonly #changes = new Changes();

  report(tabId: number, url: string, close: SocketClose): void {
    this.#reported = [...this.#reported.slice(1 - MAX_REPORTED), { tabId, url, close }];
    this.#changes.notify();
  }

  /** Returns the page's report of a socket that has closed; null without one. Without an address, the tab's first. */
  take(tabId: number, url: string | undefined): Promise<SocketClose | null> {
    return this.#changes.until(() => {
      const found = this.#reported.find((one) => one.tabId === tabId && isSame(url, one.url));
      this.#reported = this.#reported.filter((one) => one !== found);
      return found?.close ?? null;
    }, performance.now() + WAIT_MS);
  }
}

function isSame(url: string | undefined, reported: string): boolean {
  return url === undefined || url.slice(0, MAX_URL) === reported;
}
