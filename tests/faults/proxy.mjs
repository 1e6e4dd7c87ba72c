/**
 * A proxy between a recorder and its collector that does to requests what networks, middleboxes and dying
 * processes do. It has the pairing secret, because a hello proves the address that was dialled, and that is
 * ours, and because requests are sealed: without it a recorder takes us for the impostor we would be.
 */
import { createHmac } from "node:crypto";
import { request as connect, createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketServer } from "ws";
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

/** The transport of a request and of its answer. @typedef {HttpCarrier | MessageCarrier} Carrier */
/** @typedef {Record<string, string | number>} Headers */
/** The part of a request that is forwarded. @typedef {{ method?: string | undefined, headers: import("node:http").IncomingHttpHeaders }} Onward */

const SEALED = { "content-type": "application/octet-stream" };
const ENDLESS_CHUNK = Buffer.alloc(16_384, " ");
const CHUNK_EVERY_MS = 5;
/** A recorder whose last batches failed waits before it sends again, and longer before it opens a WebSocket again. */
const ANSWERS_MS = 120_000;

class HttpCarrier {
  #response;

  /** @param {import("node:http").ServerResponse} response */
  constructor(response) {
    this.#response = response;
  }

  /** @param {number} status @param {Headers} headers @param {Buffer} body */
  answer(status, headers, body) {
    this.#response.writeHead(status, { ...headers, "content-length": body.length });
    this.#response.end(body);
  }

  /** Breaks the connection in the middle of the answer. @param {number} status @param {Headers} headers @param {Buffer} body */
  cut(status, headers, body) {
    this.#response.writeHead(status, { ...headers, "content-length": body.length });
    this.#response.write(body.subarray(0, body.length / 2), () => this.destroy());
  }

  /** Never stops answering. */
  sendEndless() {
    this.#response.writeHead(200, { "content-type": "application/json" });
    const pouring = setInterval(() => this.#response.write(ENDLESS_CHUNK), CHUNK_EVERY_MS);
    this.#response.once("close", () => clearInterval(pouring));
  }

  destroy() {
    this.#response.destroy();
  }
}

/** A request that is a message of a WebSocket: its answer is a message, or the end of the connection. */
class MessageCarrier {
  #webSocket;

  /** @param {import("ws").WebSocket} webSocket */
  constructor(webSocket) {
    this.#webSocket = webSocket;
  }

  /** @param {number} status @param {Headers} _ @param {Buffer} body */
  answer(status, _, body) {
    if (status === 200) this.#webSocket.send(body);
    else this.#webSocket.close(4_000 + status);
  }

  /** @param {number} _ @param {Headers} __ @param {Buffer} body */
  cut(_, __, body) {
    this.#webSocket.send(body.subarray(0, body.length / 2), { fin: false }, () => this.destroy());
  }

  sendEndless() {
    const pouring = setInterval(() => this.#webSocket.send(ENDLESS_CHUNK, { fin: false }), CHUNK_EVERY_MS);
    this.#webSocket.once("close", () => clearInterval(pouring));
  }

  destroy() {
    this.#webSocket.terminate();
  }
}

/** @param {Carrier} carrier */
function kindOf(carrier) {
  return carrier instanceof MessageCarrier ? "messages" : "requests";
}

/** A message, as it is passed on to the collector. @param {import("node:http").IncomingMessage} upgrade @returns {Onward} */
function batchRequest({ headers, url = "" }) {
  const pairing = new URL(url, "http://localhost").searchParams.get("pairing");
  const { origin } = headers;
  return {
    method: "PATCH",
    headers: {
      ...SEALED,
      ...(origin === undefined ? {} : { origin }),
      ...(pairing === null ? {} : { "tabtape-pairing": pairing }),
    },
  };
}

export class FaultProxy {
  host = "";
  url = "";
  /** @type {Rule | null} */
  #rule = null;
  #batches = 0;
  /** How many batches met a fault since the rule was set, by what carried them. */
  faulted = { messages: 0, requests: 0 };
  #answered = { messages: 0, requests: 0 };
  /** Whether the connection breaks in the middle of this request. @type {((number: number) => boolean) | null} */
  cutsRequest = null;
  /** While true, another process has the port: it cannot prove that it is the collector. */
  impostor = false;
  /** WebSockets that another process answers, although the collector has its port again. @type {Set<import("ws").WebSocket>} */
  #captured = new Set();
  /** Requests that an impostor, or the target of a redirect, could read. */
  leaked = 0;
  /** Batches that wait for an answer they will not get. @type {Set<Carrier>} */
  #hanging = new Set();
  #takesMessages = true;
  /** Opens each WebSocket that waits to be opened. @type {(() => void)[]} */
  #pendingUpgrades = [];
  #server;
  #webSockets = new WebSocketServer({ noServer: true });
  /** Connections that are upgraded, or wait for it. @type {Set<import("node:stream").Duplex>} */
  #sockets = new Set();
  #collector;

  /** @param {() => { url: string, pairing: { token: string, secret: string } }} collector The current collector. */
  constructor(collector) {
    this.#collector = collector;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.on("upgrade", (request, socket, head) => {
      // Node removes its own handler of errors at an upgrade.
      socket.on("error", () => {});
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      const open = () =>
        this.#webSockets.handleUpgrade(request, socket, head, (one) => this.#answerMessages(one, request));
      if (this.#takesMessages) open();
      else this.#pendingUpgrades.push(open);
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

  /** While false, no WebSocket opens, and each batch is a request. @param {boolean} takes */
  set takesMessages(takes) {
    this.#takesMessages = takes;
    if (takes) for (const open of this.#pendingUpgrades.splice(0)) open();
    else for (const webSocket of this.#webSockets.clients) webSocket.close();
  }

  /** Resolves once a batch of this kind is answered. @param {"messages" | "requests"} carrier */
  async answers(carrier) {
    const before = this.#answered[carrier];
    const began = performance.now();
    while (this.#answered[carrier] === before) {
      if (performance.now() - began > ANSWERS_MS) throw new Error(`none of the ${carrier} was answered`);
      await sleep(20);
    }
  }

  /** Another process has the WebSockets that are open now, and nothing else. */
  capture() {
    this.#begin(null);
    for (const webSocket of this.#webSockets.clients) this.#captured.add(webSocket);
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
    this.faulted = { messages: 0, requests: 0 };
    for (const carrier of this.#hanging) carrier.destroy();
    this.#hanging.clear();
  }

  /** A batch met a fault. @param {Carrier} carrier */
  #count(carrier) {
    this.faulted[kindOf(carrier)]++;
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** @param {import("ws").WebSocket} webSocket @param {import("node:http").IncomingMessage} upgrade */
  #answerMessages(webSocket, upgrade) {
    webSocket.on("error", () => {});
    webSocket.on("message", (/** @type {Buffer} */ body) => {
      const carrier = new MessageCarrier(webSocket);
      const number = ++this.#batches;
      if (this.#captured.has(webSocket)) {
        this.#count(carrier);
        // Short: the connection of an answer that is too long ends for that.
        webSocket.send(Buffer.alloc(64));
        return;
      }
      if (this.cutsRequest?.(number)) {
        this.#count(carrier);
        carrier.destroy();
        return;
      }
      this.#handle(carrier, "/v1/sealed", number, body, batchRequest(upgrade)).catch(() => carrier.destroy());
    });
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
        this.faulted.requests++;
        request.socket.destroy();
        return;
      }
    }
    const carrier = new HttpCarrier(response);
    await this.#handle(carrier, path, number, Buffer.concat(chunks), request);
  }

  /**
   * Applies the rule to one request.
   * @param {Carrier} carrier @param {string} path @param {number} number 0 unless it is a batch. @param {Buffer} body @param {Onward} onward
   */
  async #handle(carrier, path, number, body, onward) {
    const isBatch = number > 0;
    // Nothing of a session, seq or event may be readable without the secret.
    const isReadable = path !== "/v1/hello" && (!isBatch || body.includes("capture_session_id"));
    const isTold = onward.headers.authorization !== undefined || isReadable;
    if (path === "/stolen" || (this.impostor && isTold)) this.leaked++;
    if (this.impostor) {
      if (isBatch) this.#count(carrier);
      const claims = { hmac: "0".repeat(64), store_id: "stolen", version: "0", acked_seq: 1e6 };
      carrier.answer(200, { "content-type": "application/json" }, Buffer.from(JSON.stringify(claims)));
      return;
    }
    const sealed = isBatch ? new Sealed(this.#collector().pairing.secret, this.host, body) : null;
    const batch = sealed && { path: sealed.path, number, text: () => sealed.body };
    const fault = batch === null ? null : (this.#rule?.(batch) ?? null);
    if (fault !== null) this.#count(carrier);

    if (fault?.answer && sealed !== null) {
      const { status, headers = {}, body: answer, isUnsealed = false } = fault.answer;
      const text = answer === undefined ? "" : JSON.stringify(answer);
      if (isUnsealed)
        carrier.answer(status, { "content-type": "application/problem+json", ...headers }, Buffer.from(text));
      else carrier.answer(200, SEALED, sealed.sealAnswer(this.host, status, headers["retry-after"], text));
      return;
    }
    if (fault?.hang) {
      this.#hanging.add(carrier);
      if (fault.hang === "stored") await this.#forward(onward, path, sealed, body);
      return;
    }
    const forwarded = this.#forward(onward, path, sealed, body);
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
    if (fault?.endless) return carrier.sendEndless();
    if (fault?.loseResponse) return carrier.destroy();
    const type = headers["content-type"] ?? "application/json";
    const retry = headers["retry-after"] === undefined ? {} : { "retry-after": headers["retry-after"] };
    const head = { "content-type": type, ...retry };
    if (fault?.cutResponse) return carrier.cut(status, head, out);
    carrier.answer(status, head, out);
    if (isBatch) this.#answered[kindOf(carrier)]++;
  }

  get #collectorHost() {
    return new URL(this.#collector().url).host;
  }

  /**
   * @param {Onward} request @param {string} path @param {Sealed | null} sealed @param {Buffer} body
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
