/**
 * Keeps the requests under way, as chrome.webRequest reports them, until a later step needs their fields.
 * `network_events.ts` makes the events.
 *
 * A request is published when its headers have been sent, or when something else happens to it first (a cache, a
 * blocker, a redirect of the browser's own). (Chromium 156 leaves a navigation that is under way while an extension's
 * webRequest listeners are first added without an answer: a browser started with `--load-extension` and an address
 * never shows it. Open the address afterwards.)
 * Between the two may be seconds (a preflight, a full connection pool): a request that waits is mirrored
 * to `chrome.storage.session`, and the next worker continues with it. Other requests that began before this worker lack
 * the fields that only their first event has.
 */
import { EVENT_BYTES, isAtLeast } from "../../capture.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { remember } from "../remember.ts";
import type { Documents } from "../state/documents.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import { DebuggedRequests } from "./debugged_requests.ts";
import { levelOf } from "./levels.ts";
import { type Details, NetworkEvents, type Pending, type Responded } from "./network_events.ts";
import type { PageIdleDetector } from "./page_idle.ts";
import type { PageRequests } from "./page_requests.ts";
import { bodyOf, NO_BODY } from "./request_body.ts";
import type { Tabs } from "./tabs.ts";
import { type Header, header, headersOf, isStreamType, STREAM_AFTER_MS } from "./web_request_values.ts";

/** Requests whose end never comes (a closed tab tells of them all) must not pile up. */
const MAX_PENDING = 20_000;
const MAX_UNSENT = 1_000;
const FILTER = { urls: ["<all_urls>"] };

export class Network {
  readonly #events: NetworkEvents;
  readonly #pending = new Map<string, Pending>();
  /** Those whose headers have not been sent, for the next worker. */
  readonly #unsent = new SessionStorageMap<Pending>("tabtape_unsent", MAX_UNSENT);
  /** Observations made before the mirror is read; null afterwards. */
  #early: (() => void)[] | null = [];
  /** Requests that the debugger producer records as well. */
  readonly debugged: DebuggedRequests;

  constructor(
    private readonly owner: RecorderOwner,
    scope: Scope,
    tabs: Tabs,
    documents: Documents,
    private readonly counter: PageIdleDetector,
    private readonly pageRequests: PageRequests,
  ) {
    this.debugged = new DebuggedRequests(owner, (id, recordedId) => pageRequests.decided(id, recordedId));
    this.#events = new NetworkEvents({ owner, scope, tabs, documents, debugged: this.debugged });
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
    const received = ["responseHeaders", "extraHeaders"] as const;
    request.onBeforeRequest.addListener(
      this.#inOrder(
        (details) => this.#begun(details),
        (details) => this.pageRequests.begun(details),
      ),
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
      this.#inOrder(
        (details) => this.#started(details),
        (details) => this.pageRequests.answered(details),
      ),
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

  /** Returns a listener that runs `atOnce`, and `work` now or after the mirror has been read. */
  #inOrder<D>(work: (details: D) => void, atOnce?: (details: D) => void): (details: D) => undefined {
    return (details) => {
      atOnce?.(details);
      if (this.#early !== null && this.owner.isOpening) {
        this.#early.push(() => work(details));
        return;
      }
      // Nothing is recorded: what was observed until that was known is not, either.
      if (this.#early !== null) this.#early = [];
      work(details);
    };
  }

  #begun(details: chrome.webRequest.OnBeforeRequestDetails): void {
    if (this.#events.isOurs(details)) return;
    if (this.debugged.tabs.has(details.tabId))
      this.debugged.see(details.tabId, details.url, this.#events.metadata(details));
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
    this.counter.begun(details.tabId, details.requestId);
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
    remember(this.#pending, details.requestId, pending, MAX_PENDING);
    this.#unsent.set(details.requestId, pending);
  }

  /** How much of a body's text is kept until its request is recorded. */
  #bodyBudget(): number {
    const { recorder, isOpening } = this.owner;
    // The level is not known yet while the recorder is being opened.
    if (recorder === null) return isOpening ? EVENT_BYTES : 0;
    const level = levelOf(recorder.config, "network");
    if (level === null || !isAtLeast(level, "verbose")) return 0;
    return recorder.config.categories.network?.max_event_bytes ?? EVENT_BYTES;
  }

  #sent(details: chrome.webRequest.OnSendHeadersDetails): void {
    if (!this.#events.isOurs(details))
      this.#publishRequest(details, details.requestHeaders ?? null, "onSendHeaders");
  }

  #redirected(details: chrome.webRequest.OnBeforeRedirectDetails): void {
    if (this.#events.isOurs(details)) return;
    this.#publishRequest(details, null, "onBeforeRequest");
    const pending = this.#pending.get(details.requestId);
    if (pending !== undefined) pending.redirects++;
    this.#events.redirect(details, pending);
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
    if (this.#events.isOurs(details)) return;
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
    this.#publishResponse(details, true);
    this.counter.ended(details.tabId, details.requestId);
  }

  #completed(details: chrome.webRequest.OnCompletedDetails): void {
    if (this.#events.isOurs(details)) return;
    const pending = this.#pending.get(details.requestId);
    if (pending?.streaming === "stream") this.#events.streamEnded(details, pending);
    else if (pending?.streaming !== "socket") this.#publishResponse(details, false);
    this.#end(details);
  }

  #failed(details: chrome.webRequest.OnErrorOccurredDetails): void {
    if (this.#events.isOurs(details)) return;
    const seen = this.debugged.seen(details.tabId, details.url);
    if (seen !== undefined) seen.error = details.error;
    this.#publishRequest(details, null, "onBeforeRequest");
    this.#events.failed(details, this.#pending.get(details.requestId));
    this.#end(details);
  }

  #end(details: Details): void {
    const timer = this.#pending.get(details.requestId)?.streamTimer ?? null;
    if (timer !== null) clearTimeout(timer);
    this.#pending.delete(details.requestId);
    this.counter.ended(details.tabId, details.requestId);
  }

  #publishRequest(details: Details, headers: Header[] | null, event: string): void {
    const pending = this.#pending.get(details.requestId);
    if (pending === undefined || pending.published) return;
    pending.published = true;
    this.#unsent.delete(details.requestId);
    this.#events.request(details, pending, headers, event);
    pending.body = NO_BODY;
  }

  #publishResponse(details: Responded, isStreaming: boolean): void {
    this.#publishRequest(details, null, "onBeforeRequest");
    this.#events.response(details, this.#pending.get(details.requestId), isStreaming);
  }
}
