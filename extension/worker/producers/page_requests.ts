/**
 * Finds the request of chrome.webRequest that a page's own record of a request belongs to, and gives it that id.
 *
 * A page sends `network.call` when it calls `fetch`, sends an XMLHttpRequest or a beacon, or makes a WebSocket or an
 * EventSource; `network.response_body` when it has the response; `network.json_warning` when it has read a body as JSON
 * and the body is something else; and records of the messages of sockets. A call belongs to the oldest request of its
 * document with its method and URL that began when it was made and has no call yet. A body belongs to the request of its
 * call; if the page did not know the call, to the only response of its document with its URL and status. A message
 * belongs to the request of its call and does not wait for it. A record without such a request is published without an id: no link rather than
 * a guessed one. A console line or an error that came from a response names the call; in its place the context of the
 * line gets the request's id, if that is known.
 *
 * Request or record may reach the worker first, so a record waits for its request, half a second at most; not in a
 * document whose last records waited in vain (a service worker answers there, or a policy blocks). In a debugged tab it
 * also waits until it is decided under which id the request is recorded, the protocol's or webRequest's.
 */
import type { Recorder, RelayContext } from "../../../src/web/types.ts";
import { isAtLeast } from "../../capture.ts";
import { Changes } from "../changes.ts";
import { parsed } from "../parsed.ts";
import { remember } from "../remember.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import { levelOf } from "./levels.ts";
import { isNoise } from "./noise.ts";
import { type SocketClose, SocketCloses } from "./socket_closes.ts";

/** Consecutive messages of a relay, or one about a request. */
export interface Part {
  /** The context of the request, if the message is about one or came from one. */
  request: RelayContext | null;
  first: number;
  lines: string;
}

interface Seen {
  requestId: string;
  /** The id under which it is recorded; null as long as webRequest and the debugger have not decided it. */
  recordedId: string | null;
  method: string;
  /** The address at its beginning, and after redirects. */
  url: string;
  finalUrl: string;
  beganMs: number;
  status: number | null;
  /** The number of its call. */
  call: number | null;
  hasBody: boolean;
}

type Socket = Pick<Seen, "requestId" | "url">;

interface Doc {
  requests: Seen[];
  /** Records in a row that waited in vain. */
  missed: PageRecord["data"][];
}

/** The fields of a page's record that say which request it is about. */
interface PageRecord {
  type: string;
  ts: number;
  data: { api?: string; call?: number; method?: string; url?: string; response_status?: number };
}

const LINE = '"type":"network.';
const CAUSE = '"cause_id":"call:';
/** The beginning of a line, which nothing that a page says can be part of. */
const WITH_CAUSE =
  /^(\{"ts":\d+,"type":"console\.\w+","category":"console","source_event":"[\w.]+"),"cause_id":"call:(\d+)"/;
/** Takes the place of a message that is held back, so that the numbers stay without a gap. */
export const SKIPPED = '{"skip":"network"}';
/** Characters, to which the page cuts a URL. */
const MAX_URL = 2_048;
const MAX_REQUESTS = 128;
const MAX_UNDECIDED = 1_000;
const MAX_DOCUMENTS = 500;
const WAIT_MS = 500;
/** After so many records without a request, those of a document are waited for no longer. */
const MAX_MISSED = 3;
/** The page's clock may differ from the browser's by so much, and a busy browser may begin a request so much later. */
const BEFORE_MS = 50;
const AFTER_MS = 10_000;
const TYPES = new Set(["xmlhttprequest", "ping", "websocket", "other"]);
const MESSAGE = /^network\.(?:websocket|eventsource)_/;
const MAX_SOCKETS = 1_000;

export class PageRequests {
  readonly #documents = new Map<string, Doc>();
  /** Requests without a `recordedId`, by the id of webRequest. */
  readonly #undecided = new Map<string, Seen>();
  readonly #changes = new Changes();
  /** The requests of sockets and event sources, which may be open for long, by document and call. */
  readonly #sockets = new SessionStorageMap<Socket>("tabtape_page_sockets", MAX_SOCKETS);
  /** For the debugger, which records the sockets of its tabs. */
  readonly closes = new SocketCloses();

  /** `isDebugged`: whether the debugger records this tab's requests. */
  constructor(private readonly isDebugged: (tabId: number) => boolean) {}

  restore(): Promise<void> {
    return this.#sockets.restore();
  }

  /** Returns the messages with what each is about, in their order; at once if none is a record of a request. */
  parts(recorder: Recorder, context: RelayContext, first: number, lines: string): Part[] | Promise<Part[]> {
    if (!lines.includes(LINE) && !lines.includes(CAUSE)) return [{ request: null, first, lines }];
    return this.#split(recorder, context, first, lines);
  }

  async #split(recorder: Recorder, context: RelayContext, first: number, lines: string): Promise<Part[]> {
    const parts: Part[] = [];
    const deadline = performance.now() + WAIT_MS;
    const messages = lines.split("\n").map((line) => ({ line, record: readRecord(line) }));
    // The categories of a relay's queue take turns, so a call may come after the lines that came from it.
    const calls = new Map<PageRecord, RelayContext | null>();
    for (const { record } of messages)
      if (record?.type === "network.call" && !this.#isLeftOut(recorder, context, record))
        calls.set(record, await this.#linked(context, record, deadline));
    let number = first;
    for (const { line, record } of messages) {
      const isLeftOut = record !== null && this.#isLeftOut(recorder, context, record);
      const [found, head = "", call] = WITH_CAUSE.exec(line) ?? [];
      const kept = isLeftOut ? SKIPPED : found === undefined ? line : `${head}${line.slice(found.length)}`;
      let request: RelayContext | null = null;
      if (found !== undefined) request = this.#causedBy(context, Number(call));
      else if (record !== null && !isLeftOut) {
        const known = calls.get(record);
        request = known !== undefined ? known : await this.#linked(context, record, deadline);
      }
      const last = parts.at(-1);
      if (last !== undefined && last.request === null && request === null) last.lines += `\n${kept}`;
      else parts.push({ request, first: number, lines: kept });
      number++;
    }
    return parts;
  }

  /** Requests that the debugger records with more fields, and noise. */
  #isLeftOut(recorder: Recorder, context: RelayContext, { type, data }: PageRecord): boolean {
    const level = levelOf(recorder.config, "network");
    if (level === null || level === "minimal" || !recorder.config.observe_requests) return true;
    const tabId = Number(context.metadata.tab_id);
    if (this.isDebugged(tabId)) {
      if (type === "network.websocket_closed" && data.url !== undefined)
        this.closes.report(tabId, data.url, data as unknown as SocketClose);
      if (MESSAGE.test(type) || (isAtLeast(level, "verbose") && type === "network.response_body"))
        return true;
    }
    return data.url !== undefined && isNoise(recorder.config, data.url);
  }

  /** Returns the context of a line that came from the request of a call; null if that is not known. */
  #causedBy({ url, metadata }: RelayContext, number: number): RelayContext | null {
    const key = keyOf(metadata.document_id);
    const seen = this.#documents.get(key)?.requests.find(({ call }) => call === number);
    const id = seen?.recordedId ?? this.#sockets.get(`${key}:${number}`)?.requestId;
    return id === undefined ? null : { url, metadata: { ...metadata, cause_id: id } };
  }

  /** Returns the context of the request that the record is about: null if it cannot be told. */
  async #linked(context: RelayContext, record: PageRecord, deadline: number): Promise<RelayContext | null> {
    const key = keyOf(context.metadata.document_id);
    if (MESSAGE.test(record.type)) return this.#socketOf(context, key, record);
    const find = (): Seen | null | undefined => {
      const document = this.#documents.get(key);
      if (document === undefined) return undefined;
      return record.type === "network.call" ? ofCall(document, record) : ofBody(document, record);
    };
    let found = find();
    const isOpen = () => found === undefined || found?.recordedId === null;
    while (isOpen() && (this.#documents.get(key)?.missed.length ?? 0) < MAX_MISSED) {
      const left = deadline - performance.now();
      if (left <= 0) break;
      await this.#changes.next(left);
      found ??= find();
    }
    if (found?.recordedId === null) found = undefined;
    const document = this.#document(key);
    if (found === undefined && document.missed.length < MAX_MISSED) document.missed.push(record.data);
    if (!found) return null;
    document.missed = [];
    const { api, call } = record.data;
    const requestId = found.recordedId as string;
    if (call !== undefined && (api === "websocket" || api === "eventsource"))
      this.#sockets.set(`${key}:${call}`, { requestId, url: found.url });
    const url = record.type === "network.call" ? found.url : found.finalUrl;
    const cause = record.type === "network.call" ? {} : { cause_id: requestId };
    return { url, metadata: { ...context.metadata, request_id: requestId, ...cause } };
  }

  #socketOf(context: RelayContext, key: string, { type, data }: PageRecord): RelayContext | null {
    const name = `${key}:${data.call}`;
    const found = this.#sockets.get(name);
    if (type === "network.websocket_closed") this.#sockets.delete(name);
    if (found === undefined) return null;
    const { url, requestId } = found;
    return { url, metadata: { ...context.metadata, request_id: requestId, cause_id: requestId } };
  }

  /** chrome.webRequest reports a request. */
  begun(details: chrome.webRequest.OnBeforeRequestDetails): void {
    if (details.tabId < 0 || !TYPES.has(details.type)) return;
    const document = this.#document(keyOf(details.documentId));
    const { requests, missed } = document;
    // The browser reports this document's requests, though late: it is worth waiting for them again.
    if (missed.some(({ url }) => url !== undefined && isSame(details.url, url))) document.missed = [];
    // A redirect keeps the id.
    if (requests.some(({ requestId }) => requestId === details.requestId)) return;
    const seen: Seen = {
      requestId: details.requestId,
      recordedId: this.isDebugged(details.tabId) ? null : details.requestId,
      method: details.method,
      url: details.url,
      finalUrl: details.url,
      beganMs: details.timeStamp,
      status: null,
      call: null,
      hasBody: false,
    };
    requests.push(seen);
    if (seen.recordedId === null) remember(this.#undecided, details.requestId, seen, MAX_UNDECIDED);
    if (requests.length > MAX_REQUESTS) requests.shift();
    this.#changes.notify();
  }

  /** It is decided under which id a request of a debugged tab is recorded. */
  decided(webRequestId: string, recordedId: string): void {
    const seen = this.#undecided.get(webRequestId);
    if (seen === undefined) return;
    this.#undecided.delete(webRequestId);
    seen.recordedId = recordedId;
    this.#changes.notify();
  }

  /** chrome.webRequest reports a response. */
  answered(details: chrome.webRequest.OnResponseStartedDetails): void {
    if (!TYPES.has(details.type)) return;
    const requests = this.#documents.get(keyOf(details.documentId))?.requests ?? [];
    const request = requests.find(({ requestId }) => requestId === details.requestId);
    if (request === undefined) return;
    request.finalUrl = details.url;
    request.status = details.statusCode;
    this.#changes.notify();
  }

  #document(key: string): Doc {
    const known = this.#documents.get(key) ?? { requests: [], missed: [] };
    // The one that was used longest ago is forgotten first.
    remember(this.#documents, key, known, MAX_DOCUMENTS);
    return known;
  }
}

/** Undefined: no such request yet. Null: it cannot be told which. */
function ofCall({ requests }: Doc, { ts, data }: PageRecord): Seen | null | undefined {
  // Sent once more, after a lost ack.
  const repeated = requests.find(({ call }) => call !== null && call === data.call);
  if (repeated !== undefined) return repeated;
  const { url, method } = data;
  if (url === undefined) return null;
  const candidates = requests.filter(
    (request) =>
      request.call === null &&
      isSame(request.url, url) &&
      (method === undefined || request.method === method) &&
      request.beganMs >= ts / 1000 - BEFORE_MS &&
      request.beganMs <= ts / 1000 + AFTER_MS,
  );
  const [found] = candidates;
  if (found === undefined) return undefined;
  if (method === undefined && candidates.length > 1) return null;
  found.call = data.call ?? null;
  return found;
}

function ofBody({ requests }: Doc, { data }: PageRecord): Seen | null | undefined {
  const { call, method, url, response_status: status } = data;
  const called = call === undefined ? undefined : requests.find((request) => request.call === call);
  if (called !== undefined) {
    called.hasBody = true;
    return called;
  }
  const candidates = requests.filter(
    (request) =>
      !request.hasBody &&
      request.status === status &&
      url !== undefined &&
      isSame(request.finalUrl, url) &&
      (method === undefined || request.method === method),
  );
  const [found] = candidates;
  if (found === undefined) return undefined;
  // With several candidates the first counts as having its body, so that the next body finds the others.
  found.hasBody = true;
  return candidates.length === 1 ? found : null;
}

function isSame(url: string, given: string): boolean {
  return url.split("#", 1)[0]?.slice(0, MAX_URL) === given;
}

function keyOf(documentId: string | undefined): string {
  return documentId ?? "";
}

function readRecord(line: string): PageRecord | null {
  return line.startsWith(LINE, line.indexOf(",") + 1) ? parsed(line) : null;
}
