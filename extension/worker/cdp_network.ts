/** `network.*` as the DevTools protocol tells it: bodies, WebSocket frames, exact sizes and initiators. */
import type { CdpPublisher, Params, Source } from "./debugger.ts";
import { climb, isAtLeast } from "./levels.ts";
import { isNoise } from "./noise.ts";

interface Request {
  tabId: number;
  url: string;
  method: string;
  resourceType: string;
  startedSeconds: number;
  response: Params | null;
  frameId: string | null;
}

const MAX_REQUESTS = 20_000;
const WEBSOCKET_FRAMES: Record<string, string> = {
  "Network.webSocketFrameSent": "sent",
  "Network.webSocketFrameReceived": "received",
};

export class CdpNetwork {
  readonly #publisher: CdpPublisher;
  readonly #requests = new Map<string, Request>();
  readonly #sockets = new Map<string, string>();

  constructor(publisher: CdpPublisher) {
    this.#publisher = publisher;
  }

  forget(tabId: number): void {
    for (const [id, request] of this.#requests) if (request.tabId === tabId) this.#requests.delete(id);
  }

  event(source: Source, tabId: number, method: string, params: Params): void {
    const id = `${source.sessionId ?? tabId}:${params.requestId as string}`;
    switch (method) {
      case "Network.requestWillBeSent":
        this.#begun(tabId, id, params);
        break;
      case "Network.responseReceived": {
        const request = this.#requests.get(id);
        if (request !== undefined) request.response = params.response as Params;
        break;
      }
      case "Network.loadingFinished":
        void this.#finished(source, id, params);
        break;
      case "Network.loadingFailed":
        this.#failed(id, params);
        break;
      case "Network.webSocketCreated":
        this.#sockets.set(id, params.url as string);
        this.#socket(tabId, id, "network.websocket_opened", method, { minimal: {} }, params);
        break;
      case "Network.webSocketClosed":
        this.#socket(tabId, id, "network.websocket_closed", method, { minimal: {} }, params);
        this.#sockets.delete(id);
        break;
      case "Network.webSocketFrameError":
        this.#socket(
          tabId,
          id,
          "network.websocket_failed",
          method,
          { minimal: { error: params.errorMessage } },
          params,
        );
        break;
      default:
        if (method in WEBSOCKET_FRAMES) this.#frame(tabId, id, method, params);
    }
  }

  #begun(tabId: number, id: string, params: Params): void {
    const sent = params.request as Params;
    const before = this.#requests.get(id);
    if (before !== undefined && params.redirectResponse) this.#redirected(before, id, params);
    const request: Request = {
      tabId,
      url: sent.url as string,
      method: sent.method as string,
      resourceType: ((params.type as string) ?? "other").toLowerCase(),
      startedSeconds: params.timestamp as number,
      response: null,
      frameId: (params.frameId as string | undefined) ?? null,
    };
    this.#requests.set(id, request);
    if (this.#requests.size > MAX_REQUESTS)
      this.#requests.delete(this.#requests.keys().next().value as string);
    const initiator = params.initiator as Params | undefined;
    this.#publish(
      request,
      id,
      "network.request",
      "Network.requestWillBeSent",
      Math.round((params.wallTime as number) * 1e6),
      {
        minimal: { method: request.method },
        standard: {
          resource_type: request.resourceType,
          initiator:
            initiator === undefined
              ? null
              : { type: initiator.type, url: initiator.url ?? null, line: initiator.lineNumber ?? null },
          headers: pairs(sent.headers),
        },
        verbose: { body: sent.postData ?? null, initiator_stack: (initiator?.stack as unknown) ?? null },
        raw: params,
      },
    );
  }

  #redirected(request: Request, id: string, params: Params): void {
    const response = params.redirectResponse as Params;
    this.#publish(request, id, "network.redirect", "Network.requestWillBeSent", now(), {
      minimal: {
        method: request.method,
        status: response.status,
        redirect_url: (params.request as Params).url,
      },
      standard: {
        resource_type: request.resourceType,
        ip: response.remoteIPAddress ?? null,
        headers: pairs(response.headers),
      },
      raw: params,
    });
  }

  async #finished(source: Source, id: string, params: Params): Promise<void> {
    const request = this.#requests.get(id);
    if (request?.response == null) return;
    this.#requests.delete(id);
    const ts = now();
    const body = await this.#body(source, request.tabId, params.requestId as string);
    const { response } = request;
    const timing = (response?.timing ?? null) as Params | null;
    this.#publish(request, id, "network.response", "Network.loadingFinished", ts, {
      minimal: { method: request.method, status: response?.status },
      standard: {
        resource_type: request.resourceType,
        status_text: response?.statusText,
        protocol: response?.protocol ?? null,
        from_cache: response?.fromDiskCache === true || response?.fromServiceWorker === true,
        from_service_worker: response?.fromServiceWorker === true,
        ip: response?.remoteIPAddress ?? null,
        content_type: response?.mimeType ?? null,
        transfer_bytes: params.encodedDataLength,
        duration_ms: tenth(((params.timestamp as number) - request.startedSeconds) * 1000),
        ttfb_ms: timing === null ? null : tenth(timing.receiveHeadersEnd as number),
        headers: pairs(response?.headers),
      },
      verbose: { ...body, timing },
      raw: { ...params, response, ...body },
    });
  }

  #failed(id: string, params: Params): void {
    const request = this.#requests.get(id);
    if (request === undefined) return;
    this.#requests.delete(id);
    this.#publish(request, id, "network.failed", "Network.loadingFailed", now(), {
      minimal: { method: request.method, error: params.errorText },
      standard: {
        resource_type: request.resourceType,
        canceled: params.canceled === true,
        blocked_reason: params.blockedReason ?? null,
        duration_ms: tenth(((params.timestamp as number) - request.startedSeconds) * 1000),
      },
      raw: params,
    });
  }

  /** Asked for only where it is wanted: the browser holds it no longer than the page does. */
  async #body(source: Source, tabId: number, requestId: string): Promise<Params> {
    let wanted = 0;
    this.#publisher.publish(tabId, "network", (level, recorder) => {
      if (isAtLeast(level, "verbose")) wanted = recorder.config.categories.network?.max_event_bytes ?? 0;
      return null;
    });
    if (wanted === 0) return {};
    try {
      const { body, base64Encoded } = (await this.#publisher.send(source, "Network.getResponseBody", {
        requestId,
      })) as {
        body: string;
        base64Encoded: boolean;
      };
      if (body.length <= wanted) return { body, ...(base64Encoded ? { body_encoding: "base64" } : {}) };
      return {
        body: body.slice(0, wanted),
        body_cut_from: body.length,
        ...(base64Encoded ? { body_encoding: "base64" } : {}),
      };
    } catch (error) {
      return { body: null, body_error: (error as Error).message };
    }
  }

  #frame(tabId: number, id: string, method: string, params: Params): void {
    const frame = params.response as { opcode: number; payloadData: string };
    const direction = WEBSOCKET_FRAMES[method];
    this.#socket(
      tabId,
      id,
      `network.websocket_${direction}`,
      method,
      {
        minimal: { opcode: frame.opcode, length: frame.payloadData.length },
        verbose: { payload: frame.payloadData },
      },
      params,
    );
  }

  #socket(
    tabId: number,
    id: string,
    type: string,
    method: string,
    ladder: Parameters<typeof climb>[1],
    raw: Params,
  ): void {
    const url = this.#sockets.get(id);
    if (url === undefined) return;
    this.#publisher.publish(tabId, "network", (level, recorder) => {
      const most = recorder.config.categories.network?.max_event_bytes ?? 0;
      const data = climb(level, { ...ladder, raw }) as Params;
      const cut = typeof data.payload === "string" && data.payload.length > most;
      if (cut) data.payload = (data.payload as string).slice(0, most);
      return {
        ts: now(),
        type,
        category: "network",
        detail_level: level,
        source: {
          kind: "cdp",
          event: method,
          metadata: { ...this.#publisher.metadata(tabId), request_id: id },
        },
        url,
        data,
        ...(cut ? { truncated: true } : {}),
      };
    });
  }

  #publish(
    request: Request,
    id: string,
    type: string,
    method: string,
    ts: number,
    ladder: Parameters<typeof climb>[1],
  ): void {
    this.#publisher.publish(request.tabId, "network", (level, recorder) => {
      if (isNoise(recorder.config, request.url)) return null;
      const data = climb(level, ladder) as Params;
      return {
        ts,
        type,
        category: "network",
        detail_level: level,
        source: {
          kind: "cdp",
          event: method,
          metadata: {
            ...this.#publisher.metadata(request.tabId),
            request_id: id,
            ...(request.frameId === null ? {} : { cdp_frame_id: request.frameId }),
          },
        },
        url: request.url,
        data,
        ...(data.body_cut_from === undefined ? {} : { truncated: true }),
      };
    });
  }
}

function now(): number {
  return Date.now() * 1000;
}

function tenth(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** The protocol's headers are an object; ours are pairs, as webRequest has them. A repeated one is split by `\n`. */
function pairs(headers: unknown): [string, string][] {
  return Object.entries((headers ?? {}) as Record<string, string>).flatMap(([name, value]) =>
    value.split("\n").map((one): [string, string] => [name, one]),
  );
}
