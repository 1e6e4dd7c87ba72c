/**
 * `network.*` from chrome.webRequest: requests, responses, redirects, failures.
 *
 * One `request_id` ties what belongs to one request, over all its redirects. A request is published when its headers
 * have been sent, or when something else happens to it first (a cache, a blocker, a redirect of the browser's own).
 * (Chromium 156 leaves a navigation that is under way while an extension's webRequest listeners are first added without
 * an answer: a browser started with `--load-extension` and an address never shows it. Open the address afterwards.)
 * A worker killed in the few milliseconds between loses that one event; what follows of the request is still recorded,
 * without what only its beginning knew.
 */
import type { Recorder } from "../../src/web/types.ts";
import { beginning, MAX_URL_BYTES } from "./budget.ts";
import type { Documents } from "./documents.ts";
import { climb, isAtLeast, type Ladder, levelOf } from "./levels.ts";
import { isNoise } from "./noise.ts";
import type { RecorderOwner } from "./recorder.ts";
import { type Body, bodyOf, NO_BODY } from "./request_body.ts";
import type { Scope } from "./scope.ts";
import type { Tabs } from "./tabs.ts";

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

type Header = chrome.webRequest.HttpHeader;

interface Pending {
  tabId: number;
  /** It began before its tab was handed over: it is ours to its end. */
  isOurs: boolean;
  startedMs: number;
  firstByteMs: number | null;
  body: Body;
  redirects: number;
  published: boolean;
  /** The response was published before its end: it is a stream. */
  streaming: boolean;
}

export interface Seen {
  /** Frame, document and navigation. */
  metadata: Record<string, string>;
  /** The browser's own name, once it has failed. */
  error: string | null;
}

/** Requests whose end never comes (a closed tab tells of them all) must not pile up. */
const MAX_PENDING = 20_000;
const MAX_SEEN = 1_000;
const BODY_BYTES_AT_START = 65_536;
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
  readonly #pending = new Map<string, Pending>();
  /** Tabs whose requests the debugger producer records, with more than webRequest knows. */
  readonly debuggedTabs = new Set<number>();
  /** The debugged tabs whose requests webRequest recorded until this worker attached the debugger. */
  readonly #handedOver = new Set<number>();
  /** Fields of those tabs' requests that only webRequest has. By `tab:address`, the last request. */
  readonly #seen = new Map<string, Seen>();

  constructor(owner: RecorderOwner, scope: Scope, tabs: Tabs, documents: Documents, counter: RequestCounter) {
    this.#owner = owner;
    this.#scope = scope;
    this.#tabs = tabs;
    this.#documents = documents;
    this.#counter = counter;
  }

  /** From here on the debugger tells of what begins in this tab; what has begun is finished here. */
  handOver(tabId: number): void {
    for (const pending of this.#pending.values()) if (pending.tabId === tabId) pending.isOurs = true;
    this.#handedOver.add(tabId);
    this.debuggedTabs.add(tabId);
  }

  takeBack(tabId: number): void {
    this.#handedOver.delete(tabId);
    this.debuggedTabs.delete(tabId);
  }

  /** Whether requests of this tab whose beginning the debugger has not seen are finished here. */
  finishes(tabId: number): boolean {
    return this.#handedOver.has(tabId);
  }

  /** Returns webRequest's fields of a debugged tab's last request to this address. */
  seen(tabId: number, url: string): Seen | undefined {
    return this.#seen.get(seenKey(tabId, url));
  }

  listen(): void {
    const request = chrome.webRequest;
    request.onBeforeRequest.addListener((details) => this.#begun(details), FILTER, ["requestBody"]);
    request.onSendHeaders.addListener((details) => this.#sent(details), FILTER, [
      "requestHeaders",
      "extraHeaders",
    ]);
    request.onBeforeRedirect.addListener((details) => this.#redirected(details), FILTER, [
      "responseHeaders",
      "extraHeaders",
    ]);
    request.onResponseStarted.addListener((details) => this.#started(details), FILTER, [
      "responseHeaders",
      "extraHeaders",
    ]);
    request.onCompleted.addListener((details) => this.#completed(details), FILTER, [
      "responseHeaders",
      "extraHeaders",
    ]);
    request.onErrorOccurred.addListener((details) => this.#failed(details), FILTER);
  }

  #begun(details: chrome.webRequest.OnBeforeRequestDetails): undefined {
    if (this.#isOurs(details)) return;
    if (this.debuggedTabs.has(details.tabId)) this.#see(details);
    const known = this.#pending.get(details.requestId);
    const body = bodyOf(details.requestBody ?? null, this.#bodyBudget(details.tabId));
    if (known !== undefined) {
      // The same request continues at another address, perhaps without its body.
      known.published = false;
      known.startedMs = details.timeStamp;
      known.body = body;
      return;
    }
    this.#counter.begun(details.tabId, details.requestId);
    this.#pending.set(details.requestId, {
      tabId: details.tabId,
      isOurs: false,
      startedMs: details.timeStamp,
      firstByteMs: null,
      body,
      redirects: 0,
      published: false,
      streaming: false,
    });
    if (this.#pending.size > MAX_PENDING) this.#pending.delete(this.#pending.keys().next().value as string);
  }

  /** How much of a body's text is to be kept until it is told of. */
  #bodyBudget(tabId: number): number {
    if (this.debuggedTabs.has(tabId)) return 0;
    const { recorder, isOpening } = this.#owner;
    // The level is not known yet while the recorder is being opened.
    if (recorder === null) return isOpening ? BODY_BYTES_AT_START : 0;
    const level = levelOf(recorder.config, "network");
    if (level === null || !isAtLeast(level, "verbose")) return 0;
    return recorder.config.categories.network?.max_event_bytes ?? BODY_BYTES_AT_START;
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

  #started(details: chrome.webRequest.OnResponseStartedDetails): void {
    if (this.#isOurs(details)) return;
    const pending = this.#pending.get(details.requestId);
    if (pending !== undefined) pending.firstByteMs = details.timeStamp;
    // An event stream may never end, and a socket tells no more: both are told of now.
    if (
      header(details.responseHeaders, "content-type")?.startsWith("text/event-stream") ||
      details.statusCode === 101
    ) {
      if (pending !== undefined) pending.streaming = true;
      this.#publishResponse(details, { streaming: true });
      this.#counter.ended(details.tabId, details.requestId);
    }
  }

  #completed(details: chrome.webRequest.OnCompletedDetails): void {
    if (this.#isOurs(details)) return;
    const streaming = this.#pending.get(details.requestId)?.streaming === true;
    if (!streaming) this.#publishResponse(details, {});
    this.#end(details);
  }

  #failed(details: chrome.webRequest.OnErrorOccurredDetails): void {
    if (this.#isOurs(details)) return;
    const seen = this.seen(details.tabId, details.url);
    if (seen !== undefined) seen.error = details.error;
    this.#publishRequest(details, null, "onBeforeRequest");
    const pending = this.#pending.get(details.requestId);
    this.#publish("failed", "onErrorOccurred", details, details.timeStamp, {
      minimal: { method: details.method, error: details.error },
      standard: {
        resource_type: details.type,
        from_cache: details.fromCache,
        ...timing(pending, details.timeStamp),
      },
      raw: details,
    });
    this.#end(details);
  }

  #end(details: Details): void {
    this.#pending.delete(details.requestId);
    this.#counter.ended(details.tabId, details.requestId);
  }

  #publishRequest(details: Details, headers: Header[] | null, event: string): void {
    const pending = this.#pending.get(details.requestId);
    if (pending === undefined || pending.published) return;
    pending.published = true;
    const { bytes, text, length } = pending.body;
    pending.body = NO_BODY;
    this.#publish("request", event, details, pending.startedMs, {
      minimal: { method: details.method },
      standard: {
        resource_type: details.type,
        initiator: details.initiator ?? null,
        body_bytes: bytes,
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
    const length = Number(header(details.responseHeaders, "content-length") ?? Number.NaN);
    this.#publish(
      "response",
      "streaming" in more ? "onResponseStarted" : "onCompleted",
      details,
      details.timeStamp,
      {
        minimal: { method: details.method, status: details.statusCode },
        standard: {
          ...more,
          resource_type: details.type,
          status_line: details.statusLine,
          from_cache: details.fromCache,
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

  #publish(what: string, event: string, details: Details, timeMs: number, ladder: Ladder): void {
    const metadata = this.#documents.whenRestored(() => this.#metadata(details));
    const around = this.#tabs.url(details.tabId);
    const pending = this.#pending.get(details.requestId);
    this.#owner.record("network", (recorder) => {
      // Asked here and not before: a worker that has just started finds its attached tabs again first.
      const isOurs = pending?.isOurs ?? this.finishes(details.tabId);
      if (this.debuggedTabs.has(details.tabId) && !isOurs) return;
      const level = levelOf(recorder.config, "network");
      if (
        level === null ||
        !this.#isRecorded(recorder, details, around) ||
        isNoise(recorder.config, details.url)
      )
        return;
      const { data, truncated } = fit(
        climb(level, ladder),
        isAtLeast(level, "verbose") ? recorder.config.categories.network?.max_event_bytes : undefined,
      );
      recorder.publish({
        ts: Math.round(timeMs * 1000),
        type: `network.${what}`,
        category: "network",
        detail_level: level,
        source: { kind: "extension", event: `webRequest.${event}`, metadata: metadata() },
        url: details.url,
        data,
        ...(truncated ? { truncated } : {}),
      });
    });
  }

  #see(details: Details): void {
    const { request_id: _, ...metadata } = this.#metadata(details);
    const key = seenKey(details.tabId, details.url);
    this.#seen.delete(key);
    this.#seen.set(key, { metadata, error: null });
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.keys().next().value as string);
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

function seenKey(tabId: number, url: string): string {
  return `${tabId}:${beginning(url, MAX_URL_BYTES)}`;
}

function timing(pending: Pending | undefined, endMs: number): Record<string, unknown> {
  if (pending === undefined) return { duration_ms: null };
  return {
    duration_ms: tenth(endMs - pending.startedMs),
    ...(pending.firstByteMs === null ? {} : { ttfb_ms: tenth(pending.firstByteMs - pending.startedMs) }),
  };
}

function tenth(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** `[name, value]` pairs: names repeat, and their order is the server's. */
function headersOf(headers: Header[] | undefined): [string, string][] {
  return (headers ?? []).map(({ name, value }) => [name, value ?? ""]);
}

function header(headers: Header[] | undefined, name: string): string | undefined {
  return headers?.find((candidate) => candidate.name.toLowerCase() === name)?.value;
}

/** Cuts a body to the byte budget of its category. */
function fit(data: unknown, maxBytes: number | undefined): { data: unknown; truncated: boolean } {
  const body = (data as { body?: unknown }).body;
  if (maxBytes === undefined || typeof body !== "string") return { data, truncated: false };
  const kept = beginning(body, maxBytes);
  const cut = { ...cutFrom(kept, body.length), ...(data as { body_cut_from?: number }) };
  if (cut.body_cut_from === undefined) return { data, truncated: false };
  return { data: { ...cut, body: kept }, truncated: true };
}

function cutFrom(kept: string, length: number): { body_cut_from?: number } {
  return kept.length < length ? { body_cut_from: length } : {};
}
