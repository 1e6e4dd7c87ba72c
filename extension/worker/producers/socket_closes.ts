/**
 * Close codes of WebSockets in debugged tabs: the page reports them, and the protocol, which records the rest, does not.
 */

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

interface Waiting {
  tabId: number;
  url: string | undefined;
  resolve(close: SocketClose | null): void;
}

/** The page's report takes another way to the worker. A worker's socket has none. */
const WAIT_MS = 500;
const MAX_REPORTED = 200;
/** Characters that the page gives of an address. */
const MAX_URL = 2_048;

export class SocketCloses {
  #reported: Reported[] = [];
  readonly #waiting = new Set<Waiting>();

  report(tabId: number, url: string, close: SocketClose): void {
    const found = [...this.#waiting].find((one) => one.tabId === tabId && isSame(one.url, url));
    if (found !== undefined) {
      this.#waiting.delete(found);
      found.resolve(close);
      return;
    }
    this.#reported.push({ tabId, url, close });
    if (this.#reported.length > MAX_REPORTED) this.#reported.shift();
  }

  /** Returns the page's report of a socket that has closed; null without one. Without an address, the tab's first. */
  take(tabId: number, url: string | undefined): Promise<SocketClose | null> {
    const found = this.#reported.find((one) => one.tabId === tabId && isSame(url, one.url));
    if (found !== undefined) {
      this.#reported = this.#reported.filter((one) => one !== found);
      return Promise.resolve(found.close);
    }
    return new Promise((resolve) => {
      const waiting: Waiting = { tabId, url, resolve };
      this.#waiting.add(waiting);
      setTimeout(() => {
        if (this.#waiting.delete(waiting)) resolve(null);
      }, WAIT_MS);
    });
  }
}

function isSame(url: string | undefined, reported: string): boolean {
  return url === undefined || url.slice(0, MAX_URL) === reported;
}
