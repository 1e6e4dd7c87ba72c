/**
 * An HTTP proxy between a recorder and its collector that does to requests what networks, middleboxes and dying
 * processes do. It has the pairing secret, because a hello proves the address that was dialled, and that is
 * ours, and because requests are sealed: without it a recorder takes us for the impostor we would be.
 */
import { createHmac } from "node:crypto";
import { request as connect, createServer } from "node:http";
import { Sealed } from "./sealed.mjs";

/**
 * The batch that a fault is applied to.
 * @typedef {object} Batch
 * @property {string} path
 * @property {number} number Counted from 1, since the rule was set.
 * @property {() => Buffer} text The body.
 */
/**
 * The steps of a fault, one per field, in this order.
 * @typedef {object} Fault
 * @property {{ status: number, headers?: Record<string, string>, body?: object, isUnsealed?: boolean }} [answer] Answer this, without asking the collector.
 * @property {"stored" | "not stored"} [hang] Never answer, having asked the collector or not.
 * @property {() => unknown} [meanwhile] Do this while the collector works on it.
 * @property {boolean} [cutResponse] Break the connection in the middle of the response.
 * @property {boolean} [loseResponse] Break the connection before the response.
 * @property {(receipt: any) => unknown} [lie] Change the receipt.
 * @property {boolean} [endless] Never stop answering.
 * @property {boolean} [cutReceipt] Pass on half of the receipt as if it were whole.
 */
/** Called once per batch. @typedef {(batch: Batch) => Fault | null} Rule */

export class FaultProxy {
  host = "";
  url = "";
  /** @type {Rule | null} */
  #rule = null;
  #batches = 0;
  /** How many batches met a fault since the rule was set. */
  faulted = 0;
  /** Whether the connection breaks in the middle of this request. @type {((number: number) => boolean) | null} */
  cutsRequest = null;
  /** While true, another process has the port: it cannot prove that it is the collector. */
  impostor = false;
  /** Requests that an impostor, or the target of a redirect, could read. */
  leaked = 0;
  /** Batches that wait for an answer they will not get. @type {Set<import("node:net").Socket>} */
  #hanging = new Set();
  #server;
  #collector;

  /** @param {() => { url: string, pairing: { token: string, secret: string } }} collector The current collector. */
  constructor(collector) {
    this.#collector = collector;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async listen() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve(undefined)));
    const { port } = /** @type {import("node:net").AddressInfo} */ (this.#server.address());
    this.host = `127.0.0.1:${port}`;
    this.url = `http://${this.host}`;
    return this;
  }

  /** From now on each batch meets what `rule` says. @param {Rule} rule */
  set rule(rule) {
    this.#begin(rule);
  }

  /** From now on everything passes. */
  getWell() {
    this.cutsRequest = null;
    this.impostor = false;
    this.#begin(null);
  }

  /** @param {Rule | null} rule */
  #begin(rule) {
    this.#rule = rule;
    this.#batches = 0;
    this.faulted = 0;
    for (const socket of this.#hanging) socket.destroy();
    this.#hanging.clear();
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async #serve(request, response) {
    const path = request.url ?? "/";
    // A recorder seals nothing but batches; the extension's own requests come to the collector itself.
    const isBatch = path === "/v1/sealed";
    const number = isBatch ? ++this.#batches : 0;
    const chunks = [];
    for await (const chunk of request) {
      chunks.push(chunk);
      if (isBatch && this.cutsRequest?.(number)) {
        this.faulted++;
        request.socket.destroy();
        return;
      }
    }
    const body = Buffer.concat(chunks);
    // Nothing of a session, seq or event may be readable without the secret.
    const isReadable = path !== "/v1/hello" && (!isBatch || body.includes("capture_session_id"));
    const isTold = request.headers.authorization !== undefined || isReadable;
    if (path === "/stolen" || (this.impostor && isTold)) this.leaked++;
    if (this.impostor) {
      if (isBatch) this.faulted++;
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({ hmac: "0".repeat(64), store_id: "stolen", version: "0", acked_seq: 1e6 }),
      );
      return;
    }
    const sealed = isBatch ? new Sealed(this.#collector().pairing.secret, this.host, body) : null;
    const batch = sealed && { path: sealed.path, number, text: () => sealed.body };
    const fault = batch === null ? null : (this.#rule?.(batch) ?? null);
    if (fault !== null) this.faulted++;

    if (fault?.answer && sealed !== null) {
      const { status, headers = {}, body: answer, isUnsealed = false } = fault.answer;
      const text = answer === undefined ? "" : JSON.stringify(answer);
      if (isUnsealed) {
        response.writeHead(status, { "content-type": "application/problem+json", ...headers });
        response.end(text);
        return;
      }
      response.writeHead(200, { "content-type": "application/octet-stream" });
      response.end(sealed.sealAnswer(this.host, status, headers["retry-after"], text));
      return;
    }
    if (fault?.hang) {
      this.#hanging.add(request.socket);
      if (fault.hang === "stored") await this.#forward(request, path, sealed, body);
      return;
    }
    const forwarded = this.#forward(request, path, sealed, body);
    fault?.meanwhile?.();
    const { status, headers, answer } = await forwarded;
    let out = answer;
    if (path === "/v1/hello" && status === 200) out = Buffer.from(this.#proved(body, answer.toString()));
    if (sealed !== null && status === 200) {
      const opened = sealed.openAnswer(this.#collectorHost, answer);
      let { text } = opened;
      if (fault?.lie && opened.status === 200) text = JSON.stringify(fault.lie(JSON.parse(text)));
      if (fault?.cutReceipt) text = text.slice(0, text.length / 2);
      out = sealed.sealAnswer(this.host, opened.status, opened.retryAfter, text);
    }
    if (fault?.endless) {
      response.writeHead(200, { "content-type": "application/json" });
      const pour = setInterval(() => response.write(" ".repeat(16_384)), 5);
      response.once("close", () => clearInterval(pour));
      return;
    }
    if (fault?.loseResponse) {
      response.destroy();
      return;
    }
    const type = headers["content-type"] ?? "application/json";
    const retry = headers["retry-after"] === undefined ? {} : { "retry-after": headers["retry-after"] };
    response.writeHead(status, { "content-type": type, ...retry, "content-length": out.length });
    if (fault?.cutResponse) response.write(out.subarray(0, out.length / 2), () => response.destroy());
    else response.end(out);
  }

  get #collectorHost() {
    return new URL(this.#collector().url).host;
  }

  /**
   * @param {import("node:http").IncomingMessage} request @param {string} path @param {Sealed | null} sealed @param {Buffer} body
   * @returns {Promise<{ status: number, headers: import("node:http").IncomingHttpHeaders, answer: Buffer }>}
   */
  #forward(request, path, sealed, body) {
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    return new Promise((resolve, reject) => {
      const onward = connect(`${this.#collector().url}${path}`, { method: request.method ?? "GET", headers });
      onward.once("error", reject);
      onward.once("response", (answer) => {
        /** @type {Buffer[]} */
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.once("error", reject);
        answer.once("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            answer: Buffer.concat(chunks),
          }),
        );
      });
      onward.end(sealed === null ? body : sealed.for(this.#collectorHost));
    });
  }

  /** The collector's answer to a hello, with the proof for our address. @param {Buffer} asked @param {string} answered */
  #proved(asked, answered) {
    const { nonce } = JSON.parse(asked.toString());
    const hmac = createHmac("sha256", Buffer.from(this.#collector().pairing.secret, "hex"));
    hmac.update(Buffer.from(nonce, "hex")).update(this.host);
    return JSON.stringify({ ...JSON.parse(answered), hmac: hmac.digest("hex") });
  }
}
