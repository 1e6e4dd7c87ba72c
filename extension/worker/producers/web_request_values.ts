/** Values of chrome.webRequest in our units and shapes, and what its headers show. */
import { beginning } from "../budget.ts";

export type Header = chrome.webRequest.HttpHeader;

/** A response whose length is not announced is a stream if it is still open after this. */
export const STREAM_AFTER_MS = 1_000;
const STREAM_TYPES =
  /^(?:text\/event-stream|application\/(?:x-ndjson|jsonl|stream\+json|json-seq)|multipart\/x-mixed-replace)\b/i;

/** Whether a response of this type is open as long as its page wants. */
export function isStreamType(contentType: string | undefined): boolean {
  return STREAM_TYPES.test(contentType ?? "");
}

export function timing(
  pending: { startedMs: number; firstByteMs: number | null } | undefined,
  endMs: number,
): Record<string, unknown> {
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
export function headersOf(headers: Header[] | undefined): [string, string][] {
  return (headers ?? []).map(({ name, value }) => [name, value ?? ""]);
}

export function header(headers: Header[] | undefined, name: string): string | undefined {
  return headers?.find((candidate) => candidate.name.toLowerCase() === name)?.value;
}

/** Cuts a body to the byte budget of its category. */
export function fit(data: unknown, maxBytes: number | undefined): { data: unknown; truncated: boolean } {
  const body = (data as { body?: unknown }).body;
  if (maxBytes === undefined || typeof body !== "string") return { data, truncated: false };
  const kept = beginning(body, maxBytes);
  const cut = { ...cutFrom(kept, body.length), ...(data as { body_cut_from?: number }) };
  if (cut.body_cut_from === undefined) return { data, truncated: false };
  return { data: { ...cut, body: kept }, truncated: true };
}

export function cutFrom(kept: string, length: number): { body_cut_from?: number } {
  return kept.length < length ? { body_cut_from: length } : {};
}

/**
 * Returns why CORS forbids the page to read a response, in the protocol's words, as far as its headers show it.
 * webRequest says `net::ERR_FAILED` for each reason.
 */
export function corsError(
  { error, initiator, url }: chrome.webRequest.OnErrorOccurredDetails,
  headers: [string, string][],
  redirects: number,
): string | null {
  if (error !== "net::ERR_FAILED" || initiator === undefined || new URL(url).origin === initiator)
    return null;
  const allowed = headers.find(([name]) => name.toLowerCase() === "access-control-allow-origin")?.[1];
  if (allowed === undefined) return "MissingAllowOriginHeader";
  // A redirect to a third site makes the origin "null".
  return allowed !== "*" && allowed !== initiator && redirects === 0 ? "AllowOriginMismatch" : null;
}

const MEMORY_CACHED = ["script", "stylesheet", "image", "font", "media"];

/**
 * Whether a response revalidates one that the page's renderer has in memory. The network answers 304 then, and the page
 * gets the response from memory. Of other kinds of requests the page itself asks for a 304, and gets it.
 */
export function isFromMemoryCache(status: unknown, resourceType: string | null): boolean {
  return status === 304 && resourceType !== null && MEMORY_CACHED.includes(resourceType);
}

/** The bytes of a body as the request's headers give them; null if they do not. */
export function bodyBytesIn(headers: Header[] | null): number | null {
  const length = header(headers ?? undefined, "content-length");
  return length === undefined ? null : Number(length);
}

export function isMultipart(headers: Header[] | null): boolean {
  return (
    header(headers ?? undefined, "content-type")
      ?.toLowerCase()
      .startsWith("multipart/") === true
  );
}
