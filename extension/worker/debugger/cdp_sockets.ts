/**
 * `network.websocket_*`: a socket from its handshake's answer to its end, and its frames.
 *
 * Every socket that was begun is recorded: as opened once the server has agreed, or as failed. The frames of one that
 * was open before the tab was attached to are recorded without an address: CDP does not report it.
 */

import { isAtLeast } from "../../capture.ts";
import { beginning, MAX_URL_BYTES } from "../budget.ts";
import { type FieldsByLevel, fieldsAtLevel } from "../producers/levels.ts";
import type { SocketCloses } from "../producers/socket_closes.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import type { CdpFrames } from "./cdp_frames.ts";
import type { CdpPublisher, Params, Source } from "./cdp_publisher.ts";
import { headerPairs, nowMicros } from "./cdp_values.ts";

interface Socket {
  tabId: number;
  url: string;
  /** `elsewhere`: webRequest has published it, as the protocol was too late. */
  state: "connecting" | "open" | "failed" | "elsewhere";
}

const MAX_SOCKETS = 1_000;
const FRAMES: Record<string, string> = {
  "Network.webSocketFrameSent": "sent",
  "Network.webSocketFrameReceived": "received",
};

export class CdpSockets {
  readonly #sockets = new SessionStorageMap<Socket>("tabtape_sockets", MAX_SOCKETS);

  constructor(
    private readonly publisher: CdpPublisher,
    private readonly frames: CdpFrames,
    private readonly closes: SocketCloses,
  ) {}

  restore(): Promise<void> {
    return this.#sockets.restore();
  }

  forget(tabId: number): void {
    this.#sockets.deleteWhere((socket) => socket.tabId === tabId);
  }

  event(source: Source, tabId: number, id: string, method: string, params: Params): void | Promise<void> {
    switch (method) {
      case "Network.webSocketCreated":
        this.#created(this.frames.webRequestTab(source, tabId), tabId, id, params.url as string);
        break;
      case "Network.webSocketHandshakeResponseReceived":
        this.#opened(tabId, id, method, params);
        break;
      case "Network.webSocketFrameError":
        this.#failed(tabId, id, method, this.#errorOf(id, params), params);
        break;
      case "Network.webSocketClosed":
        return this.#closed(tabId, id, method, params);
      default:
        if (method in FRAMES) this.#frame(tabId, id, method, params);
    }
  }

  #created(webRequestTab: number, tabId: number, id: string, url: string): void {
    const request = { id, tabId: webRequestTab, url, method: "GET", startedMs: Date.now() };
    const state = this.frames.webRequest.exchanges.began(request) ? "connecting" : "elsewhere";
    this.#sockets.set(id, { tabId, url: beginning(url, MAX_URL_BYTES), state });
  }

  /** Recorded only when the server has agreed. */
  #opened(tabId: number, id: string, method: string, params: Params): void {
    const response = params.response as { status: number; headers?: unknown };
    // webRequest reports a socket's end with its answer.
    this.frames.webRequest.exchanges.report(id, "response");
    this.frames.webRequest.exchanges.report(id, "end");
    this.#setState(id, "open");
    this.#publish(tabId, id, "opened", method, {
      minimal: { status: response.status },
      standard: { headers: headerPairs(response.headers) },
      raw: params,
    });
  }

  #setState(id: string, state: Socket["state"]): void {
    const socket = this.#sockets.get(id);
    if (socket !== undefined && socket.state !== "elsewhere") this.#sockets.set(id, { ...socket, state });
  }

  #failed(tabId: number, id: string, method: string, error: unknown, params: Params): void {
    if (this.#sockets.get(id)?.state === "connecting") this.#setState(id, "failed");
    this.#publish(tabId, id, "failed", method, { minimal: { error }, raw: params });
  }

  async #closed(tabId: number, id: string, method: string, params: Params): Promise<void> {
    const socket = this.#sockets.get(id);
    const ts = nowMicros();
    if (socket?.state === "connecting")
      this.#failed(tabId, id, method, "closed before it was opened", params);
    // The page reports the end of a socket that failed, too.
    const close = await this.closes.take(tabId, socket?.url);
    if (socket?.state !== "connecting" && socket?.state !== "failed") {
      const { code = null, reason = null, clean = null } = close ?? {};
      const fields: FieldsByLevel = { minimal: {}, standard: { code, reason, clean }, raw: params };
      this.#publish(tabId, id, "closed", method, fields, false, ts);
    }
    this.#sockets.delete(id);
    this.frames.webRequest.exchanges.ended(id);
  }

  /** A handshake that an extension looks on at, as we do, fails without a word. */
  #errorOf(id: string, params: Params): string {
    const socket = this.#sockets.get(id);
    const seen = socket === undefined ? undefined : this.frames.webRequest.seen(socket.tabId, socket.url);
    return (params.errorMessage as string) || seen?.error || "the connection failed";
  }

  #frame(tabId: number, id: string, method: string, params: Params): void {
    const frame = params.response as { opcode: number; payloadData: string };
    const { length } = frame.payloadData;
    const maxBytes = this.publisher.maxEventBytes("network");
    const payload = beginning(frame.payloadData, maxBytes);
    const fields: FieldsByLevel = {
      minimal: { opcode: frame.opcode, length },
      verbose: { payload },
      raw: { ...params, response: { ...frame, payloadData: payload } },
    };
    this.#publish(tabId, id, FRAMES[method] as string, method, fields, payload.length < length);
  }

  /** `isCut`: what `verbose` has of it is not all. */
  #publish(
    tabId: number,
    id: string,
    what: string,
    method: string,
    fields: FieldsByLevel,
    isCut = false,
    ts = nowMicros(),
  ): void {
    const { url, state } = this.#sockets.get(id) ?? {};
    if (state === "elsewhere" && (what === "opened" || what === "failed")) return;
    const metadata = this.frames.webRequest.exchanges.metadata(id);
    this.publisher.publish(tabId, "network", method, (level) => ({
      ts,
      type: `network.websocket_${what}`,
      metadata: {
        ...(metadata ?? (url === undefined ? {} : this.frames.webRequest.seen(tabId, url)?.metadata)),
        request_id: id,
      },
      url,
      data: fieldsAtLevel(level, fields),
      isTruncated: isCut && isAtLeast(level, "verbose"),
    }));
  }
}
