/** `network.*` as the DevTools protocol tells it: bodies, exact sizes and initiators. Sockets: see `cdp_sockets.ts`. */
import { beginning } from "./budget.ts";
import type { CdpFrames } from "./cdp_frames.ts";
import type { CdpPublisher, Params, Source } from "./cdp_publisher.ts";
import { headerPairs, milliseconds, nowMicros } from "./cdp_values.ts";
import { climb, isAtLeast, type Ladder } from "./levels.ts";
import { isNoise } from "./noise.ts";

/** A request. Fields are missing if it began before this worker, or before the debugger was attached to the tab. */
interface Request {
  tabId: number;
  url: string | null;
  method: string | null;
  resourceType: string | null;
  startedSeconds: number;
  response: Params | null;
  frameId: string | null;
  loaderId: string;
}

const MAX_REQUESTS = 20_000;

export class CdpNetwork {
  readonly #publisher: CdpPublisher;
  readonly #frames: CdpFrames;
  readonly #requests = new Map<string, Request>();

  constructor(publisher: CdpPublisher, frames: CdpFrames) {
    this.#publisher = publisher;
    this.#frames = frames;
  }

  forget(tabId: number): void {
    for (const [id, request] of this.#requests) if (request.tabId === tabId) this.#requests.delete(id);
  }

  event(source: Source, tabId: number, id: string, method: string, params: Params): void | Promise<void> {
    if (method !== "Network.requestWillBeSent" && !this.#requests.has(id)) {
      if (this.#frames.isElsewhere(source, tabId)) return;
    }
    switch (method) {
      case "Network.requestWillBeSent":
        this.#begun(tabId, id, params);
        break;
      case "Network.responseReceived":
        this.#answered(tabId, id, params);
        break;
      case "Network.loadingFinished":
        return this.#finished(source, tabId, id, params);
      case "Network.loadingFailed":
        this.#failed(tabId, id, params);
        break;
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
      resourceType: typeOf(params),
      startedSeconds: params.timestamp as number,
      response: null,
      frameId: (params.frameId as string | undefined) ?? null,
      loaderId: params.loaderId as string,
    };
    this.#remember(id, request);
    const initiator = params.initiator as Params | undefined;
    const all = (sent.postData as string | undefined) ?? null;
    const body = all === null ? null : beginning(all, this.#publisher.maxEventBytes("network"));
    const cut =
      all !== null && body !== null && body.length < all.length ? { body_cut_from: all.length } : {};
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
          headers: headerPairs(sent.headers),
        },
        verbose: { body, ...cut, initiator_stack: (initiator?.stack as unknown) ?? null },
        raw: { ...params, request: body === null ? sent : { ...sent, postData: body }, ...cut },
      },
    );
  }

  #redirected(request: Request, id: string, params: Params): void {
    const response = params.redirectResponse as Params;
    this.#publish(request, id, "network.redirect", "Network.requestWillBeSent", nowMicros(), {
      minimal: {
        method: request.method,
        status: response.status,
        redirect_url: (params.request as Params).url,
      },
      standard: {
        resource_type: request.resourceType,
        ip: response.remoteIPAddress ?? null,
        headers: headerPairs(response.headers),
      },
      raw: params,
    });
  }

  #answered(tabId: number, id: string, params: Params): void {
    const response = params.response as Params;
    const known = this.#requests.get(id);
    if (known !== undefined) known.response = response;
    else {
      this.#remember(id, {
        ...unseen(tabId),
        url: response.url as string,
        resourceType: typeOf(params),
        response,
        frameId: (params.frameId as string | undefined) ?? null,
        loaderId: params.loaderId as string,
      });
    }
  }

  async #finished(source: Source, tabId: number, id: string, params: Params): Promise<void> {
    const request = this.#ended(tabId, id);
    const ts = nowMicros();
    const body = await this.#body(source, request.tabId, params.requestId as string);
    const { response } = request;
    const timing = (response?.timing ?? null) as Params | null;
    this.#publish(request, id, "network.response", "Network.loadingFinished", ts, {
      minimal: { method: request.method, status: response?.status ?? null },
      standard: {
        resource_type: request.resourceType,
        status_text: response?.statusText ?? null,
        protocol: response?.protocol ?? null,
        from_cache: response?.fromDiskCache === true || response?.fromServiceWorker === true,
        from_service_worker: response?.fromServiceWorker === true,
        ip: response?.remoteIPAddress ?? null,
        content_type: response?.mimeType ?? null,
        transfer_bytes: params.encodedDataLength,
        duration_ms: milliseconds(((params.timestamp as number) - request.startedSeconds) * 1000),
        ttfb_ms: timing === null ? null : milliseconds(timing.receiveHeadersEnd as number),
        headers: headerPairs(response?.headers),
      },
      verbose: { ...body, timing },
      raw: { ...params, response, ...body },
    });
  }

  #failed(tabId: number, id: string, params: Params): void {
    const request = this.#ended(tabId, id);
    this.#publish(request, id, "network.failed", "Network.loadingFailed", nowMicros(), {
      minimal: { method: request.method, error: params.errorText },
      standard: {
        resource_type: request.resourceType,
        canceled: params.canceled === true,
        blocked_reason: params.blockedReason ?? null,
        duration_ms: milliseconds(((params.timestamp as number) - request.startedSeconds) * 1000),
      },
      raw: params,
    });
  }

  /** Removes and returns a request that has ended. */
  #ended(tabId: number, id: string): Request {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    return request ?? unseen(tabId);
  }

  #remember(id: string, request: Request): void {
    this.#requests.set(id, request);
    if (this.#requests.size > MAX_REQUESTS)
      this.#requests.delete(this.#requests.keys().next().value as string);
  }

  /** Asked for only where it is wanted: the browser holds it no longer than the page does. */
  async #body(source: Source, tabId: number, requestId: string): Promise<Params> {
    let isWanted = false;
    this.#publisher.publish(tabId, "network", (level) => {
      isWanted = isAtLeast(level, "verbose");
      return null;
    });
    if (!isWanted) return {};
    try {
      const { body, base64Encoded } = (await this.#publisher.send(source, "Network.getResponseBody", {
        requestId,
      })) as {
        body: string;
        base64Encoded: boolean;
      };
      const kept = beginning(body, this.#publisher.maxEventBytes("network"));
      return {
        body: kept,
        ...(kept.length < body.length ? { body_cut_from: body.length } : {}),
        ...(base64Encoded ? { body_encoding: "base64" } : {}),
      };
    } catch (error) {
      return { body: null, body_error: (error as Error).message };
    }
  }

  #publish(request: Request, id: string, type: string, method: string, ts: number, ladder: Ladder): void {
    const { tabId, url, frameId, loaderId } = request;
    const isNavigation = request.resourceType === "document";
    this.#publisher.publish(tabId, "network", (level, recorder) => {
      if (url !== null && isNoise(recorder.config, url)) return null;
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
            ...this.#publisher.metadata(tabId),
            ...(url === null ? {} : this.#frames.metadata({ tabId, url, frameId, loaderId }, isNavigation)),
            request_id: id,
          },
        },
        ...(url === null ? {} : { url }),
        data,
        ...(data.body_cut_from === undefined ? {} : { truncated: true }),
      };
    });
  }
}

function unseen(tabId: number): Request {
  return {
    tabId,
    url: null,
    method: null,
    resourceType: null,
    startedSeconds: Number.NaN,
    response: null,
    frameId: null,
    loaderId: "",
  };
}

/** The type of a request in our words. */
function typeOf(params: Params): string {
  return ((params.type as string | undefined) ?? "other").toLowerCase();
}
