/** One tab of a browser that is driven over the pipe, and the page in it that counts what it emits. */

/** @typedef {import("../../scripts/lib/cdp.mjs").CdpPipe} CdpPipe */

export class Tab {
  /** @param {CdpPipe} cdp @param {string} targetId @param {string} sessionId */
  constructor(cdp, targetId, sessionId) {
    this.cdp = cdp;
    this.targetId = targetId;
    this.sessionId = sessionId;
  }

  /**
   * @param {CdpPipe} cdp @param {string} url
   * @param {{ firstScript?: string | undefined, background?: boolean, newWindow?: boolean }} [options] The script runs before every document's own.
   */
  static async open(cdp, url, { firstScript, background = false, newWindow = false } = {}) {
    const { targetId } = await cdp.send("Target.createTarget", { url: "about:blank", background, newWindow });
    const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(cdp, targetId, sessionId);
    await tab.send("Page.enable");
    if (firstScript !== undefined) {
      await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: firstScript });
    }
    await tab.go(url);
    return tab;
  }

  /** @param {string} method @param {object} [params] */
  send(method, params) {
    return this.cdp.send(method, params, this.sessionId);
  }

  /** Runs `change` and waits until the page it leads to has loaded. @param {() => Promise<unknown>} change */
  async #loads(change) {
    await this.send("Page.setLifecycleEventsEnabled", { enabled: true });
    const loaded = new Promise((resolve) => {
      this.cdp.on("Page.frameNavigated", (params, sessionId) => {
        if (sessionId === this.sessionId && params.frame.parentId === undefined) resolve(undefined);
      });
    });
    await change();
    await Promise.race([loaded, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    await this.evaluate(
      "document.readyState === 'complete' || new Promise((done) => addEventListener('load', done))",
    );
  }

  /** @param {string} url */
  go(url) {
    return this.#loads(() => this.send("Page.navigate", { url }));
  }

  reload() {
    return this.#loads(() => this.send("Page.reload"));
  }

  back() {
    return this.#loads(async () => {
      const { currentIndex, entries } = await this.send("Page.getNavigationHistory");
      await this.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id });
    });
  }

  /** Its renderer dies. */
  async crash() {
    await Promise.race([this.send("Page.crash"), new Promise((resolve) => setTimeout(resolve, 500))]).catch(
      () => {},
    );
  }

  /** @param {string} expression @returns {Promise<any>} */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async close() {
    await this.cdp.send("Target.closeTarget", { targetId: this.targetId }).catch(() => {});
  }
}

/**
 * A page that logs numbered lines, `NAME/DOCUMENT:NUMBER`, and tells its server how many: after each burst, when it
 * is left and when it comes back from the back/forward cache.
 */
export const EMITTER = `<!doctype html><meta charset="utf-8"><title>emitter</title><script>
  const name = new URL(location).searchParams.get("name");
  const id = Math.random().toString(36).slice(2, 10);
  let next = 0;
  let timer = 0;
  const padding = Number(new URL(location).searchParams.get("pad") ?? 0);
  // A browser compresses what it stores: no line repeats what one before it said.
  function pad() { let text = ""; while (text.length < padding) text += Math.random().toString(36).slice(2); return text.slice(0, padding); }
  function tell() { navigator.sendBeacon("/emitted", JSON.stringify({ name, id, count: next })); }
  function burst(count) {
    for (let n = 0; n < count; n++) console.log(name + "/" + id + ":" + next++, pad());
    tell();
  }
  function emit(count, everyMs) { burst(count); timer = setInterval(burst, everyMs, count); }
  function rest() { clearInterval(timer); tell(); return next; }
  addEventListener("pagehide", () => burst(3));
  let restored = 0;
  addEventListener("pageshow", (event) => { if (event.persisted) { restored++; burst(3); } });
</script>`;

/** Counts that the emitters reported. */
export class Emitted {
  /** By name, then by document. @type {Map<string, Map<string, number>>} */
  #counts = new Map();
  /** @type {Set<(name: string, id: string, count: number, what?: string) => void>} */
  #listeners = new Set();

  /** The server's handler for `/emitted`. @type {import("../e2e/fixtures/pages.mjs").Handler} */
  handler = (request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const { name, id, count, what } = JSON.parse(text);
      this.tell(name, id, count);
      response.writeHead(204).end();
      for (const listener of this.#listeners) listener(name, id, count, what);
    });
  };

  /** Document `id` has said at least so much. @param {string} name @param {string} id @param {number} count */
  tell(name, id, count) {
    const documents = this.of(name);
    documents.set(id, Math.max(count, documents.get(id) ?? 0));
  }

  /** How many lines the newest document under `id` has reported. @param {string} name @param {string} id */
  said(name, id) {
    return [...this.of(name)].filter(([of]) => of.startsWith(`${id}_`)).at(-1)?.[1] ?? 0;
  }

  /** Calls `listener` each time a page tells. @param {(name: string, id: string, count: number, what?: string) => void} listener */
  onTold(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @param {string} name */
  of(name) {
    const documents = this.#counts.get(name) ?? new Map();
    this.#counts.set(name, documents);
    return documents;
  }
}
