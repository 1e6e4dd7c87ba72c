/**
 * The DevTools protocol over a pipe: no port that another program on this machine could open, and a browser
 * that ends when we do. Nothing is attached to: a debugger on the extension's worker would keep it alive,
 * and a recorder should be seen as it lives.
 */

/** @typedef {{ resolve: (value: any) => void, reject: (error: Error) => void }} Pending */

export class CdpPipe {
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {Map<string, Set<(params: any, sessionId?: string) => void>>} */
  #listeners = new Map();
  #nextId = 1;
  #rest = "";
  #closed = false;
  #write;

  /** @param {import("node:stream").Writable} write @param {import("node:stream").Readable} read */
  constructor(write, read) {
    this.#write = write;
    write.on("error", () => this.#close());
    read.on("error", () => this.#close());
    read.on("close", () => this.#close());
    read.setEncoding("utf8");
    read.on("data", (chunk) => this.#receive(chunk));
  }

  /** @param {string} method @param {object} [params] @param {string} [sessionId] @returns {Promise<any>} */
  send(method, params = {}, sessionId) {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error(`${method}: the browser is gone`));
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#write.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    });
  }

  /** @param {string} method @param {(params: any, sessionId?: string) => void} listener */
  on(method, listener) {
    const listeners = this.#listeners.get(method) ?? new Set();
    this.#listeners.set(method, listeners.add(listener));
  }

  /** @param {string} chunk */
  #receive(chunk) {
    const parts = (this.#rest + chunk).split("\0");
    this.#rest = parts.pop() ?? "";
    for (const part of parts) {
      const { id, method, params, result, error, sessionId } = JSON.parse(part);
      if (id === undefined) {
        for (const listener of this.#listeners.get(method) ?? []) listener(params, sessionId);
        continue;
      }
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error) pending?.reject(new Error(error.message));
      else pending?.resolve(result);
    }
  }

  #close() {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(new Error("the browser is gone"));
    this.#pending.clear();
  }
}

/** Returns a function that evaluates in a target. @param {CdpPipe} cdp @param {string} targetId */
export async function evaluatorIn(cdp, targetId) {
  const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: true });
  return async (/** @type {string} */ expression) => {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", params, sessionId);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
}
