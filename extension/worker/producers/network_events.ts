/**
 * `network.*` from chrome.webRequest: requests, responses, redirects, failures.
 *
 * One `request_id` ties what belongs to one request, over all its redirects. A request counts to the site that made it.
 * The events of requests that the debugger records as well go to `exchanges.ts`, which keeps one record of each.
 */
import type { EventInput, Recorder } from "../../../src/web/types.ts";
import { isAtLeast } from "../../capture.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import type { Documents } from "../state/documents.ts";
import type { DebuggedRequests } from "./debugged_requests.ts";
import { type FieldsByLevel, fieldsAtLevel, levelOf } from "./levels.ts";
import { isNoise } from "./noise.ts";
import type { Body } from "./request_body.ts";
import type { Tabs } from "./tabs.ts";
import type { Answer, Step, WebRequestStep } from "./web_request_step.ts";
import {
  bodyBytesIn,
  corsError,
  cutFrom,
  fit,
  type Header,
  header,
  headersOf,
  isFromMemoryCache,
  isMultipart,
  timing,
} from "./web_request_values.ts";

/** Fields that all or some kinds of webRequest details have. */
export interface Details {
  requestId: string;
  tabId: number;
  frameId: number;
  parentFrameId: number;
  documentId?: string;
  parentDocumentId?: string;
  url: string;
  method: string;
  type: string;
  timeStamp: number;
  initiator?: string;
}

/** A request under way. */
export interface Pending {
  tabId: number;
  url: string;
  method: string;
  /** When the first hop began. */
  begunMs: number;
  startedMs: number;
  firstByteMs: number | null;
  body: Body;
  redirects: number;
  published: boolean;
  /** The last hop's, as its headers have arrived. */
  answer: Answer | null;
  /** The response was published before its end. */
  streaming: "socket" | "stream" | null;
  streamTimer: ReturnType<typeof setTimeout> | null;
}

export type Responded = chrome.webRequest.OnCompletedDetails | chrome.webRequest.OnResponseStartedDetails;

export interface NetworkEventsParts {
  owner: RecorderOwner;
  scope: Scope;
  tabs: Tabs;
  documents: Documents;
  debugged: DebuggedRequests;
}

export class NetworkEvents {
  constructor(private readonly parts: NetworkEventsParts) {}

  request(details: Details, pending: Pending, headers: Header[] | null, event: string): void {
    const { bytes, text, length } = pending.body;
    this.#publish("request", event, details, pending, pending.startedMs, {
      minimal: { method: details.method },
      standard: {
        resource_type: details.type,
        initiator: details.initiator ?? null,
        // A form with files is given without its boundaries.
        body_bytes: isMultipart(headers) ? bodyBytesIn(headers) : bytes,
        headers: headers === null ? null : headersOf(headers),
      },
      verbose: text === null ? {} : { body: text, ...cutFrom(text, length) },
      raw: { ...details, requestHeaders: headers },
    });
  }

  redirect(details: chrome.webRequest.OnBeforeRedirectDetails, pending: Pending | undefined): void {
    this.#publish("redirect", "onBeforeRedirect", details, pending, details.timeStamp, {
      minimal: { method: details.method, status: details.statusCode, redirect_url: details.redirectUrl },
      standard: {
        resource_type: details.type,
        from_cache: details.fromCache,
        ip: details.ip ?? null,
        hop: pending?.redirects ?? null,
        headers: headersOf(details.responseHeaders),
      },
      raw: details,
    });
  }

  response(details: Responded, pending: Pending | undefined, isStreaming: boolean): void {
    const isRevalidated = isFromMemoryCache(details.statusCode, details.type);
    const length = Number(header(details.responseHeaders, "content-length") ?? Number.NaN);
    this.#publish(
      "response",
      isStreaming ? "onResponseStarted" : "onCompleted",
      details,
      pending,
      details.timeStamp,
      {
        minimal: { method: details.method, status: isRevalidated ? 200 : details.statusCode },
        standard: {
          ...(isStreaming ? { streaming: true } : {}),
          ...(isRevalidated ? { revalidated: true } : {}),
          resource_type: details.type,
          status_line: details.statusLine,
          from_cache: details.fromCache || isRevalidated,
          ip: details.ip ?? null,
          content_type: header(details.responseHeaders, "content-type") ?? null,
          content_length: Number.isNaN(length) ? null : length,
          redirects: pending?.redirects ?? null,
          ...timing(pending, details.timeStamp),
          headers: headersOf(details.responseHeaders),
        },
        raw: details,
      },
    );
  }

  streamEnded(details: chrome.webRequest.OnCompletedDetails, pending: Pending): void {
    this.#publish("stream_ended", "onCompleted", details, pending, details.timeStamp, {
      minimal: { method: details.method, status: details.statusCode },
      standard: { resource_type: details.type, ...timing(pending, details.timeStamp) },
      raw: details,
    });
  }

  failed(details: chrome.webRequest.OnErrorOccurredDetails, pending: Pending | undefined): void {
    const answer = pending?.answer ?? null;
    this.#publish("failed", "onErrorOccurred", details, pending, details.timeStamp, {
      minimal: {
        method: details.method,
        error: details.error,
        ...(answer === null ? {} : { status: answer.status }),
      },
      standard: {
        resource_type: details.type,
        from_cache: details.fromCache,
        ...(pending?.streaming ? { streaming: true } : {}),
        ...timing(pending, details.timeStamp),
        ...(answer === null
          ? {}
          : {
              status_line: answer.statusLine,
              // A response that CORS forbids is never started.
              cors_error:
                pending?.firstByteMs === null ? corsError(details, answer.headers, pending.redirects) : null,
              headers: answer.headers,
            }),
      },
      raw: { ...details, answer },
    });
  }

  #publish(
    what: What,
    event: string,
    details: Details,
    pending: Pending | undefined,
    timeMs: number,
    fields: FieldsByLevel,
  ): void {
    const metadata = this.parts.documents.snapshotUntilRestored(() => this.metadata(details));
    const around = this.parts.tabs.url(details.tabId);
    const isStreaming = pending?.streaming != null;
    this.parts.owner.record("network", (recorder) => {
      const level = levelOf(recorder.config, "network");
      if (
        level === null ||
        !this.#isRecorded(recorder, details, around) ||
        isNoise(recorder.config, details.url)
      )
        return;
      const { data, truncated } = fit(
        fieldsAtLevel(level, fields),
        isAtLeast(level, "verbose") ? recorder.config.categories.network?.max_event_bytes : undefined,
      );
      const observed = metadata();
      if (what !== "request") observed.cause_id = details.requestId;
      const input: EventInput = {
        ts: Math.round(timeMs * 1000),
        type: `network.${what}`,
        category: "network",
        detail_level: level,
        source: { kind: "extension", event: `webRequest.${event}`, metadata: observed },
        url: details.url,
        data,
        ...(truncated ? { truncated } : {}),
      };
      // Asked here and not before: a worker that has just started finds its attached tabs again first.
      const { exchanges } = this.parts.debugged;
      if (!this.parts.debugged.has(details.tabId) && !exchanges.has(details.requestId)) {
        recorder.publish(input);
        return;
      }
      const { requestId: id, tabId } = details;
      const { url, method, begunMs } = pending ?? { ...details, begunMs: null };
      const { request_id: _, cause_id: _cause, ...place } = observed;
      exchanges.observe({ id, tabId, url, method, startedMs: begunMs }, place, {
        ...stepOf(what, isStreaming),
        answer: pending?.answer ?? null,
        input,
      });
    });
  }

  /** Returns the request, and its place among tabs, frames and documents. */
  metadata(details: Details): Record<string, string> {
    const id = { request_id: details.requestId };
    return details.tabId < 0 ? id : { ...id, ...this.parts.documents.metadata(details) };
  }

  /** A request counts to the site that made it; the document itself, to its own. */
  #isRecorded(recorder: Recorder, details: Details, around: string | undefined): boolean {
    const isDocument = details.type === "main_frame" || details.type === "sub_frame";
    const site = isDocument ? details.url : (details.initiator ?? around);
    return this.parts.scope.isRecorded(recorder, site, details.type === "main_frame" ? undefined : around);
  }

  /** Whether the recorder itself, or one of our pages, makes this request. */
  isOurs(details: Details): boolean {
    if (this.parts.scope.isOurs(details.url) || this.parts.scope.isOurs(details.initiator)) return true;
    return (
      details.type !== "main_frame" &&
      details.tabId >= 0 &&
      this.parts.scope.isOurs(this.parts.tabs.url(details.tabId))
    );
  }
}

type What = "request" | "redirect" | "response" | "stream_ended" | "failed";

function stepOf(what: What, isStreaming: boolean): Pick<WebRequestStep, "step" | "outcome"> {
  const step: Step = what === "failed" || what === "stream_ended" ? "end" : what;
  if (what === "failed") return { step, outcome: "failed" };
  const hasEnded = what === "stream_ended" || (what === "response" && !isStreaming);
  return { step, outcome: hasEnded ? "response" : null };
}
