/** `network.*` as the DevTools protocol tells it: bodies, exact sizes and initiators. Sockets: see `cdp_sockets.ts`. */

import { isAtLeast } from "../../capture.ts";
import { beginning } from "../budget.ts";
import type { Exchanges } from "../producers/exchanges.ts";
import { type FieldsByLevel, fieldsAtLevel } from "../producers/levels.ts";
import { isNoise } from "../producers/noise.ts";
import { isFromMemoryCache, isStreamType, STREAM_AFTER_MS } from "../producers/web_request_values.ts";
import { remember } from "../remember.ts";
import type { CdpFrames } from "./cdp_frames.ts";
import type { CdpPublisher, Params, Source } from "./cdp_publisher.ts";
import { durationOf, hasNoBody, initiatorOf, Request, typeOf } from "./cdp_request.ts";
import { headerPairs, milliseconds, nowMicros } from "./cdp_values.ts";

const MAX_REQUESTS = 20_000;

export class CdpNetwork {
  readonly #requests = new Map<string, Request>();

  constructor(
    private readonly publisher: CdpPublisher,
    private readonly frames: CdpFrames,
  ) {}

  get #exchanges(): Exchanges {
    return this.frames.webRequest.exchanges;
  }

  forget(tabId: number): void {
    for (const [id, request] of this.#requests) if (request.tabId === tabId) this.#ended(tabId, id);
  }

  event(source: Source, tabId: number, id: string, method: string, params: Params): void | Promise<void> {
    if (method !== "Network.requestWillBeSent" && !this.#requests.has(id)) {
      if (this.frames.isElsewhere(source, tabId)) return;
    }
    const webRequestTab = this.frames.webRequestTab(source, tabId);
    switch (method) {
      case "Network.requestWillBeSent":
        this.#begun(tabId, webRequestTab, id, params);
        break;
      case "Network.responseReceived":
        this.#answered(tabId, webRequestTab, id, params);
        break;
      case "Network.loadingFinished":
        return this.#finished(source, tabId, id, params);
      case "Network.loadingFailed":
        return this.#failed(tabId, id, params);
      case "Network.eventSourceMessageReceived":
        this.#messageReceived(tabId, id, method, params);
        break;
    }
  }

  #begun(tabId: number, webRequestTab: number, id: string, params: Params): void {
    const sent = params.request as Params;
    const before = this.#requests.get(id);
    if (before !== undefined && params.redirectResponse && this.#exchanges.report(id, "redirect"))
      this.#redirected(before, id, params);
    const request: Request = {
      ...new Request(tabId),
      url: sent.url as string,
      method: sent.method as string,
      resourceType: typeOf(params),
      startedSeconds: params.timestamp as number,
      frameId: (params.frameId as string | undefined) ?? null,
      loaderId: params.loaderId as string,
    };
    remember(this.#requests, id, request, MAX_REQUESTS);
    const startedMs = (params.wallTime as number) * 1000;
    // If the first hop of a request was not reported, webRequest has its address.
    const hop = before === undefined ? (params.redirectResponse as Params | undefined) : undefined;
    const url = (hop?.url ?? sent.url) as string;
    const asked = { id, tabId: webRequestTab, url, method: sent.method as string, startedMs };
    if (!this.#exchanges.began(asked)) return;
    const initiator = params.initiator as Params | undefined;
    const all = (sent.postData as string | undefined) ?? null;
    const body = all === null ? null : beginning(all, this.publisher.maxEventBytes("network"));
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
          initiator: initiator === undefined ? null : initiatorOf(initiator),
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

  #answered(tabId: number, webRequestTab: number, id: string, params: Params): void {
    const response = params.response as Params;
    const known = this.#requests.get(id);
    if (known !== undefined) known.response = response;
    else {
      const url = response.url as string;
      remember(
        this.#requests,
        id,
        {
          ...new Request(tabId),
          url,
          resourceType: typeOf(params),
          response,
          frameId: (params.frameId as string | undefined) ?? null,
          loaderId: params.loaderId as string,
        },
        MAX_REQUESTS,
      );
      this.#exchanges.began({ id, tabId: webRequestTab, url, method: null, startedMs: null });
    }
    const request = this.#requests.get(id) as Request;
    const ts = nowMicros();
    const stream = () => {
      if (this.#requests.get(id) !== request || !this.#exchanges.report(id, "response")) return;
      request.streaming = true;
      this.#publishResponse(request, id, ts, params, { streaming: true });
    };
    const headers = headerPairs(response.headers);
    const header = (name: string) => headers.find((one) => one[0].toLowerCase() === name)?.[1];
    if (isStreamType(header("content-type"))) stream();
    else if (header("content-length") === undefined)
      request.streamTimer = setTimeout(stream, STREAM_AFTER_MS);
  }

  /** A message of an EventSource. */
  #messageReceived(tabId: number, id: string, method: string, params: Params): void {
    const { eventName, eventId, data } = params as Record<"eventName" | "eventId" | "data", string>;
    const payload = beginning(data, this.publisher.maxEventBytes("network"));
    const cut = payload.length < data.length ? { payload_cut_from: data.length } : {};
    const request = this.#requests.get(id) ?? new Request(tabId);
    this.#publish(request, id, "network.eventsource_message", method, nowMicros(), {
      minimal: { event: eventName, length: data.length },
      standard: eventId === "" ? {} : { id: eventId },
      verbose: { payload, ...cut },
      raw: { ...params, data: payload },
    });
  }

  async #finished(source: Source, tabId: number, id: string, params: Params): Promise<void> {
    if (!this.#requests.has(id) && (await this.#isWebRequests(tabId, id))) return;
    const ts = nowMicros();
    const known = this.#requests.get(id);
    if (known?.response === null) {
      // A response that arrived while its worker's session began was not reported.
      const { outcome } = await this.#exchanges.outcome(id);
      // Detached meanwhile: webRequest has published the end.
      if (this.#requests.get(id) !== known) return;
      if (outcome !== null) {
        this.#ended(tabId, id);
        this.#exchanges.leaveEnd(id);
        return;
      }
    }
    const request = this.#ended(tabId, id);
    if (!this.#exchanges.ended(id)) return;
    const body = await this.#body(source, request.tabId, params.requestId as string);
    if (request.streaming) this.#publishStreamEnd(request, id, ts, params, body);
    else this.#publishResponse(request, id, ts, params, {}, body);
  }

  #publishResponse(
    request: Request,
    id: string,
    ts: number,
    params: Params,
    more: Params,
    body: Params = {},
  ): void {
    const { response } = request;
    const timing = (response?.timing ?? null) as Params | null;
    const isStreaming = "streaming" in more;
    const isRevalidated = isFromMemoryCache(response?.status, request.resourceType);
    this.#publish(
      request,
      id,
      "network.response",
      isStreaming ? "Network.responseReceived" : "Network.loadingFinished",
      ts,
      {
        minimal: { method: request.method, status: isRevalidated ? 200 : (response?.status ?? null) },
        standard: {
          ...more,
          ...(isRevalidated ? { revalidated: true } : {}),
          resource_type: request.resourceType,
          status_text: response?.statusText ?? null,
          protocol: response?.protocol ?? null,
          from_cache: response?.fromDiskCache === true || isRevalidated,
          from_service_worker: response?.fromServiceWorker === true,
          ip: response?.remoteIPAddress ?? null,
          content_type: response?.mimeType ?? null,
          transfer_bytes: isStreaming
            ? null
            : (params.encodedDataLength ?? response?.encodedDataLength ?? null),
          duration_ms: durationOf(request, params),
          ttfb_ms: timing === null ? null : milliseconds(timing.receiveHeadersEnd as number),
          headers: headerPairs(response?.headers),
        },
        verbose: { ...body, timing },
        raw: { ...params, response, ...body },
      },
    );
  }

  #publishStreamEnd(request: Request, id: string, ts: number, params: Params, body: Params): void {
    this.#publish(request, id, "network.stream_ended", "Network.loadingFinished", ts, {
      minimal: { method: request.method, status: request.response?.status ?? null },
      standard: {
        resource_type: request.resourceType,
        transfer_bytes: params.encodedDataLength ?? null,
        duration_ms: durationOf(request, params),
      },
      verbose: body,
      raw: { ...params, ...body },
    });
  }

  async #failed(tabId: number, id: string, params: Params): Promise<void> {
    if (!this.#requests.has(id) && (await this.#isWebRequests(tabId, id))) return;
    const ts = nowMicros();
    const known = this.#requests.get(id);
    const { outcome, answer } = await this.#exchanges.outcome(id);
    // Detached meanwhile: webRequest has published the end.
    if (this.#requests.get(id) !== known) return;
    const request = this.#ended(tabId, id);
    if (!this.#exchanges.ended(id)) return;
    const { response } = request;
    // The protocol reports a response without a body as aborted.
    const isWhole =
      params.errorText === "net::ERR_ABORTED" &&
      response !== null &&
      (outcome === "response" || (outcome === null && hasNoBody(request.method, response)));
    if (isWhole) {
      if (request.streaming) this.#publishStreamEnd(request, id, ts, params, {});
      else this.#publishResponse(request, id, ts, params, {});
      return;
    }
    const status = (response?.status as number | undefined) ?? answer?.status;
    const cors = params.corsErrorStatus as { corsError?: string } | undefined;
    this.#publish(request, id, "network.failed", "Network.loadingFailed", ts, {
      minimal: {
        method: request.method,
        error: params.errorText,
        ...(status === undefined ? {} : { status }),
      },
      standard: {
        resource_type: request.resourceType,
        canceled: params.canceled === true,
        blocked_reason: params.blockedReason ?? null,
        cors_error: cors?.corsError ?? null,
        ...(request.streaming ? { streaming: true } : {}),
        duration_ms: durationOf(request, params),
        ...(status === undefined
          ? {}
          : { headers: response === null ? answer?.headers : headerPairs(response.headers) }),
      },
      raw: { ...params, response, answer },
    });
  }

  /** Whether webRequest has the end of a request that began before this worker or before its own session. */
  async #isWebRequests(tabId: number, id: string): Promise<boolean> {
    if (this.#exchanges.isRestored(id)) {
      this.#exchanges.leaveEnd(id);
      return true;
    }
    return this.frames.webRequest.ownsInFlight(tabId) || (await this.#exchanges.hasOrphan(tabId));
  }

  /** Removes and returns a request that has ended. */
  #ended(tabId: number, id: string): Request {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (request !== undefined && request.streamTimer !== null) clearTimeout(request.streamTimer);
    if (request !== undefined) request.place ??= this.#exchanges.metadata(id);
    return request ?? new Request(tabId);
  }

  /** Asked for only where it is wanted: the browser holds it no longer than the page does. */
  async #body(source: Source, tabId: number, requestId: string): Promise<Params> {
    let isWanted = false;
    this.publisher.publish(tabId, "network", "Network.getResponseBody", (level) => {
      isWanted = isAtLeast(level, "verbose");
      return null;
    });
    if (!isWanted) return {};
    try {
      const answer = await this.publisher.send(source, "Network.getResponseBody", { requestId });
      const { body, base64Encoded } = answer as { body: string; base64Encoded: boolean };
      const kept = beginning(body, this.publisher.maxEventBytes("network"));
      return {
        body: kept,
        ...(kept.length < body.length ? { body_cut_from: body.length } : {}),
        ...(base64Encoded ? { body_encoding: "base64" } : {}),
      };
    } catch (error) {
      return { body: null, body_error: (error as Error).message };
    }
  }

  #publish(
    request: Request,
    id: string,
    type: string,
    method: string,
    ts: number,
    fields: FieldsByLevel,
  ): void {
    const { tabId, url, frameId, loaderId } = request;
    request.place ??= this.#exchanges.metadata(id);
    const { place } = request;
    const isNavigation = request.resourceType === "document";
    this.publisher.publish(tabId, "network", method, (level, recorder) => {
      if (url !== null && isNoise(recorder.config, url)) return null;
      const data = fieldsAtLevel(level, fields) as Params;
      return {
        ts,
        type,
        metadata: {
          ...(url === null
            ? {}
            : this.frames.metadata({ place, tabId, url, frameId, loaderId }, isNavigation)),
          request_id: id,
          ...(type === "network.request" ? {} : { cause_id: id }),
        },
        url: url ?? undefined,
        data,
        isTruncated: data.body_cut_from !== undefined || data.payload_cut_from !== undefined,
      };
    });
  }
}
