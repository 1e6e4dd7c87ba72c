/**
 * Network events as an HTTP archive, version 1.2 (http://www.softwareishard.com/blog/har-12-spec/), the same as
 * `tabtape export --format har` makes; `tests/viewer` holds the two against each other.
 *
 * A request and its end are one entry, matched by session and `request_id`. A value that was not recorded is
 * −1 or empty, as the format requires.
 */
import type { Envelope, Event } from "../../../src/web/types";
import { asNumber, asObject, asString, isGap, parseLine } from "../data/record";
import { headersOf } from "../detail/exchange";

type Data = Record<string, unknown>;
const ENDS = new Set(["network.response", "network.redirect", "network.failed"]);

interface Entry {
  request?: Event;
  end?: Event;
}

/** Collects lines in order; `text` returns the archive. */
export class Archive {
  private readonly entries: Entry[] = [];
  private readonly open = new Map<string, Entry>();

  take(line: string): void {
    const record = parseLine(line);
    if (record !== null && !isGap(record)) this.add(record);
  }

  add({ capture_session_id, event }: Envelope): void {
    if (event.category !== "network") return;
    const request = event.source.metadata?.request_id;
    if (request === undefined) return;
    const id = `${capture_session_id} ${request}`;
    if (event.type === "network.request") {
      const entry: Entry = { request: event };
      this.open.set(id, entry);
      this.entries.push(entry);
    } else if (ENDS.has(event.type)) {
      // A redirect ends an entry and begins the next.
      let entry = this.open.get(id);
      if (entry === undefined) {
        entry = {};
        this.entries.push(entry);
      }
      this.open.delete(id);
      entry.end = event;
    }
  }

  /** The entries so far, in the format's form. */
  get har(): object[] {
    return this.entries.map(harOf);
  }

  get text(): string {
    const log = {
      version: "1.2",
      creator: { name: "tabtape", version: "viewer" },
      entries: this.har,
    };
    return JSON.stringify({ log }, null, 2);
  }
}

/** Returns the HAR entry of one request; with redirects, the list of its entries. */
export function harText(envelopes: Envelope[]): string {
  const archive = new Archive();
  for (const envelope of envelopes) archive.add(envelope);
  const { har } = archive;
  return JSON.stringify(har.length === 1 ? har[0] : har, null, 2);
}

function harOf({ request, end }: Entry): object {
  const either = request ?? end;
  const asked = asObject(request?.data);
  const ended = asObject(end?.data);
  const url = either?.url ?? "";
  const duration = asNumber(ended.duration_ms) ?? -1;
  const wait = asNumber(ended.ttfb_ms) ?? duration;
  const receive = duration >= wait && wait >= 0 ? duration - wait : -1;
  const [protocol = "", , ...statusText] = (asString(ended.status_line) ?? "").split(" ");
  const ip = asString(ended.ip);
  return {
    startedDateTime: new Date(Math.floor((either?.ts ?? 0) / 1000)).toISOString(),
    time: Math.max(0, duration),
    request: {
      method: asString(asked.method) ?? asString(ended.method) ?? "GET",
      url,
      httpVersion: protocol,
      cookies: [],
      headers: named(asked.headers),
      queryString: queryOf(url),
      headersSize: -1,
      bodySize: asNumber(asked.body_bytes) ?? -1,
      ...postData(asked),
    },
    response: responseOf(ended, protocol, statusText.join(" ")),
    cache: {},
    timings: { send: 0, wait: Math.max(0, wait), receive: Math.max(0, receive) },
    ...(ip === undefined ? {} : { serverIPAddress: ip }),
  };
}

function responseOf(ended: Data, protocol: string, statusText: string): object {
  const size = asNumber(ended.content_length) ?? -1;
  const error = asString(ended.error);
  const body = asString(ended.body);
  return {
    status: asNumber(ended.status) ?? 0,
    statusText,
    httpVersion: protocol,
    cookies: [],
    headers: named(ended.headers),
    content: {
      size: Math.max(0, size),
      mimeType: asString(ended.content_type) ?? "x-unknown",
      ...(body === undefined ? {} : { text: body }),
      ...(body !== undefined && ended.body_encoding === "base64" ? { encoding: "base64" } : {}),
    },
    redirectURL: asString(ended.redirect_url) ?? "",
    headersSize: -1,
    bodySize: size,
    ...(error === undefined ? {} : { _error: error }),
  };
}

function postData(asked: Data): object {
  const text = asString(asked.body);
  return text === undefined ? {} : { postData: { mimeType: "", text, params: [] } };
}

function named(headers: unknown): { name: string; value: string }[] {
  return headersOf(headers).map(([name, value]) => ({ name, value }));
}

function queryOf(url: string): { name: string; value: string }[] {
  const query = /\?([^#]*)/.exec(url)?.[1];
  return query === undefined ? [] : [...new URLSearchParams(query)].map(([name, value]) => ({ name, value }));
}
