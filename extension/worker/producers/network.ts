/**
 * `network.*` from chrome.webRequest: requests, responses, redirects, failures.
 *
 * One `request_id` ties what belongs to one request, over all its redirects. A request is published when its headers
 * have been sent, or when something else happens to it first (a cache, a blocker, a redirect of the browser's own).
 * (Chromium 156 leaves a navigation that is under way while an extension's webRequest listeners are first added without
 * an answer: a browser started with `--load-extension` and an address never shows it. Open the address afterwards.)
 * Between the two may be seconds (a preflight, a full connection pool): a request that waits is mirrored
 * to `chrome.storage.session`, and the next worker continues with it. Other requests that began before this worker lack
 * the fields that only their first event has.
 */
import type { EventInput, Recorder } from "../../../src/web/types.ts";
import { EVENT_BYTES, isAtLeast } from "../../capture.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import type { Documents } from "../state/documents.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import { DebuggedRequests } from "./debugged_requests.ts";
import { type FieldsByLevel, fieldsAtLevel, levelOf } from "./levels.ts";
import { isNoise } from "./noise.ts";
import type { PageRequests } from "./page_requests.ts";
import { type Body, bodyOf, NO_BODY } from "./request_body.ts";
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
  isStreamType,
  STREAM_AFTER_MS,
  timing,
} from "./web_request_values.ts";

/** Fields that all or some kinds of webRequest details have. */
interface Details {
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

interface Pending {
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

/** Requests whose end never comes (a closed tab tells of them all) must not pile up. */
const MAX_PENDING = 20_000;
const MAX_UNSENT = 1_000;
const FILTER = { urls: ["<all_urls>"] };
export interface RequestCounter {
  begun(tabId: number, requestId: string): void;
  ended(tabId: number, requestId: string): void;
}

export class Network {
  readonly #owner: RecorderOwner;
  readonly #scope: Scope;
  readonly #tabs: Tabs;
  readonly #documents: Documents;
  readonly #counter: RequestCounter;
  readonly #pageRequests: PageRequests;
  readonly #pending = new Map<string, Pending>();
  /** Those whose headers have not been sent, for the next worker. */
  readonly #unsent = new SessionStorageMap<Pending>("tabtape_unsent", MAX_UNSENT);
  /** Observations made before the mirror is read; null afterwards. */
  #early: (() => void)[] | null = [];
  /** Requests that the debugger producer records as well. */
  readonly debugged: DebuggedRequests;

  constructor(
    owner: RecorderOwner,
    scope: Scope,
    tabs: Tabs,
    documents: Documents,
    counter: RequestCounter,
    pageRequests: PageRequests,
  ) {
    this.#owner = owner;
    this.debugged = new DebuggedRequests(owner);
    this.#scope = scope;
    this.#tabs = tabs;
    this.#documents = documents;
    this.#counter = counter;
    this.#pageRequests = pageRequests;
  }

  /** From now on the debugger reports the requests that begin in this tab; those that have begun are finished here. */
  delegateToDebugger(tabId: number): void {
    for (const [id, { tabId: ofTab, url, method, begunMs }] of this.#pending)
      if (ofTab === tabId) this.debugged.exchanges.keep({ id, tabId, url, method, startedMs: begunMs });
    this.debugged.add(tabId);
  }

  /** Takes over what the worker before had observed and not published. The debugged tabs are known. */
  async restore(): Promise<void> {
    if (this.#early === null) return;
    await this.#unsent.restore();
    for (const [id, pending] of this.#unsent.all()) this.#pending.set(id, pending);
    await this.debugged.restore();
    const early = this.#early;
    this.#early = null;
    for (const work of early) work();
  }

  /** One listener per event: the browser sends each listener a copy of its own, also of our own requests. */
  listen(): void {
    const request = chrome.webRequest;
    const begun = this.#inOrder((details: chrome.webRequest.OnBeforeRequestDetails) => this.#begun(details));
    const started = this.#inOrder((details: chrome.webRequest.OnResponseStartedDetails) =>
      this.#started(details),
    );
    const received = ["responseHeaders", "extraHeaders"] as const;
    request.onBeforeRequest.addListener(
      (details) => {
        this.#pageRequests.begun(details);
        return begun(details);
      },
      FILTER,
      ["requestBody"],
    );
    request.onSendHeaders.addListener(
      this.#inOrder((details) => this.#sent(details)),
      FILTER,
      ["requestHeaders", "extraHeaders"],
    );
    request.onBeforeRedirect.addListener(
      this.#inOrder((details) => this.#redirected(details)),
      FILTER,
      [...received],
    );
    request.onHeadersReceived.addListener(
      this.#inOrder((details) => this.#answered(details)),
      FILTER,
      [...received],
    );
    request.onResponseStarted.addListener(
      (details) => {
        this.#pageRequests.answered(details);
        started(details);
      },
      FILTER,
      [...received],
    );
    request.onCompleted.addListener(
      this.#inOrder((details) => this.#completed(details)),
      FILTER,
      [...received],
    );
    request.onErrorOccurred.addListener(
      this.#inOrder((details) => this.#failed(details)),
      FILTER,
    );
  }

  /** Returns a listener that runs `work` now, or after the mirror has been read. */
  #inOrder<D>(work: (details: D) => void): (details: D) => undefined {
    return (details) => {
      if (this.#early !== null && this.#owner.isOpening) {
        this.#early.push(() => work(details));
        return;
      }
      // Nothing is recorded: what was observed until that was known is not, either.
      if (this.#early !== null) this.#early = [];
      work(details);
    };
  }

  #begun(details: chrome.webRequest.OnBeforeRequestDetails): void {
    if (this.#isOurs(details)) return;
    if (this.debugged.tabs.has(details.tabId))
      this.debugged.see(details.tabId, details.url, this.#metadata(details));
    const known = this.#pending.get(details.requestId);
    const body = bodyOf(details.requestBody ?? null, this.#bodyBudget());
    if (known !== undefined) {
      // The same request continues at another address, perhaps without its body.
      known.published = false;
      known.startedMs = details.timeStamp;
      known.body = body;
      known.answer = null;
      known.firstByteMs = null;
      this.#unsent.set(details.requestId, known);
      return;
    }
    this.#counter.begun(details.tabId, details.requestId);
    const pending: Pending = {
      tabId: details.tabId,
      url: details.url,
      method: details.method,
      begunMs: details.timeStamp,
      startedMs: details.timeStamp,
      firstByteMs: null,
      body,
      redirects: 0,
      published: false,
      answer: null,
      streaming: null,
      streamTimer: null,
    };
    this.#pending.set(details.requestId, pending);
    this.#unsent.set(details.requestId, pending);
    if (this.#pending.size > MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value as string);
  }

  /** How much of a body's text is kept until its request is recorded. */
  #bodyBudget(): number {
    const { recorder, isOpening } = this.#owner;
    // The level is not known yet while the recorder is being opened.
    if (recorder === null) return isOpening ? EVENT_BYTES : 0;
    const level = levelOf(recorder.config, "network");
    if (level === null || !isAtLeast(level, "verbose")) return 0;
    return recorder.config.categories.network?.max_event_bytes ?? EVENT_BYTES;
  }

  #sent(details: chrome.webRequest.OnSendHeadersDetails): void {
    if (!this.#isOurs(details))
      this.#publishRequest(details, details.requestHeaders ?? null, "onSendHeaders");
  }

  #redirected(details: chrome.webRequest.OnBeforeRedirectDetails): void {
    if (this.#isOurs(details)) return;
    this.#publishRequest(details, null, "onBeforeRequest");
    const pending = this.#pending.get(details.requestId);
    if (pending !== undefined) pending.redirects++;
    this.#publish("redirect", "onBeforeRedirect", details, details.timeStamp, {
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

  /** A response that the page may not read, as CORS forbids it, is reported here only. */
  #answered(details: chrome.webRequest.OnHeadersReceivedDetails): void {
    const pending = this.#pending.get(details.requestId);
    if (pending === undefined) return;
    pending.answer = {
      status: details.statusCode,
      statusLine: details.statusLine,
      headers: headersOf(details.responseHeaders),
    };
  }

  #started(details: chrome.webRequest.OnResponseStartedDetails): void {
    if (this.#isOurs(details)) return;
    const pending = this.#pending.get(details.requestId);
    if (pending !== undefined) pending.firstByteMs = details.timeStamp;
    const type = header(details.responseHeaders, "content-type");
    // An event stream may never end, and a socket reports no end: both are recorded now.
    if (details.statusCode === 101) this.#stream(details, "socket");
    else if (isStreamType(type)) this.#stream(details, "stream");
    else if (pending !== undefined && header(details.responseHeaders, "content-length") === undefined)
      pending.streamTimer = setTimeout(() => this.#stream(details, "stream"), STREAM_AFTER_MS);
  }

  /** Publishes a response before its end. */
  #stream(details: chrome.webRequest.OnResponseStartedDetails, kind: "socket" | "stream"): void {
    const pending = this.#pending.get(details.requestId);
    if (pending !== undefined) pending.streaming = kind;
    this.#publishResponse(details, { streaming: true });
    this.#counter.ended(details.tabId, details.requestId);
  }

  #completed(details: chrome.webRequest.OnCompletedDetails): void {
    if (this.#isOurs(details)) return;
    const pending = this.#pending.get(details.requestId);
    if (pending?.streaming === "stream")
      this.#publish("stream_ended", "onCompleted", details, details.timeStamp, {
        minimal: { method: details.method, status: details.statusCode },
        standard: { resource_type: details.type, ...timing(pending, details.timeStamp) },
        raw: details,
      });
    else if (pending?.streaming !== "socket") this.#publishResponse(details, {});
    this.#end(details);
  }

  #failed(details: chrome.webRequest.OnErrorOccurredDetails): void {
    if (this.#isOurs(details)) return;
    const seen = this.debugged.seen(details.tabId, details.url);
    if (seen !== undefined) seen.error = details.error;
    this.#publishRequest(details, null, "onBeforeRequest");
    const pending = this.#pending.get(details.requestId);
    const answer = pending?.answer ?? null;
    this.#publish("failed", "onErrorOccurred", details, details.timeStamp, {
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
    this.#end(details);
  }

  #end(details: Details): void {
    const timer = this.#pending.get(details.requestId)?.streamTimer ?? null;
    if (timer !== null) clearTimeout(timer);
    this.#pending.delete(details.requestId);
    this.#counter.ended(details.tabId, details.requestId);
  }

  #publishRequest(details: Details, headers: Header[] | null, event: string): void {
    const pending = this.#pending.get(details.requestId);
    if (pending === undefined || pending.published) return;
    pending.published = true;
    const { bytes, text, length } = pending.body;
    pending.body = NO_BODY;
    this.#unsent.delete(details.requestId);
    this.#publish("request", event, details, pending.startedMs, {
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

  #publishResponse(
    details: chrome.webRequest.OnCompletedDetails | chrome.webRequest.OnResponseStartedDetails,
    more: object,
  ): void {
    this.#publishRequest(details, null, "onBeforeRequest");
    const pending = this.#pending.get(details.requestId);
    const isRevalidated = isFromMemoryCache(details.statusCode, details.type);
    const length = Number(header(details.responseHeaders, "content-length") ?? Number.NaN);
    this.#publish(
      "response",
      "streaming" in more ? "onResponseStarted" : "onCompleted",
      details,
      details.timeStamp,
      {
        minimal: { method: details.method, status: isRevalidated ? 200 : details.statusCode },
        standard: {
          ...more,
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

  #publish(what: What, event: string, details: Details, timeMs: number, fields: FieldsByLevel): void {
    const metadata = this.#documents.snapshotUntilRestored(() => this.#metadata(details));
    const around = this.#tabs.url(details.tabId);
    const pending = this.#pending.get(details.requestId);
    const isStreaming = pending?.streaming != null;
    this.#owner.record("network", (recorder) => {
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
      const { exchanges } = this.debugged;
      if (!this.debugged.has(details.tabId) && !exchanges.has(details.requestId)) {
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

  #metadata(details: Details): Record<string, string> {
    const metadata: Record<string, string> = { request_id: details.requestId };
    if (details.tabId < 0) return metadata;
    Object.assign(metadata, this.#tabs.metadata(details.tabId), { frame_id: `${details.frameId}` });
    if (details.documentId !== undefined) metadata.document_id = details.documentId;
    if (details.parentFrameId >= 0) metadata.parent_frame_id = `${details.parentFrameId}`;
    if (details.parentDocumentId !== undefined) metadata.parent_document_id = details.parentDocumentId;
    const navigation = this.#documents.navigationOf(details.tabId, details.frameId, details.documentId);
    if (navigation !== undefined) metadata.navigation_id = navigation;
    return metadata;
  }

  /** A request counts to the site that made it; the document itself, to its own. */
  #isRecorded(recorder: Recorder, details: Details, around: string | undefined): boolean {
    const isDocument = details.type === "main_frame" || details.type === "sub_frame";
    const site = isDocument ? details.url : (details.initiator ?? around);
    return this.#scope.isRecorded(recorder, site, details.type === "main_frame" ? undefined : around);
  }

  #isOurs(details: Details): boolean {
    if (this.#scope.isOurs(details.url) || this.#scope.isOurs(details.initiator)) return true;
    return (
      details.type !== "main_frame" && details.tabId >= 0 && this.#scope.isOurs(this.#tabs.url(details.tabId))
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
