/**
 * One request from its records. The request, its redirects and its end are separate records with the same
 * `request_id`; each has fields that the others lack.
 */
import type { Envelope } from "../../../src/web/types";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { isDetail } from "../data/severity";
import { failureReason } from "../network/failures";

export type Headers = [name: string, value: string][];

export interface Phase {
  name: string;
  ms: number;
}

export interface ServerTiming {
  name: string;
  description: string;
  ms: number | undefined;
}

export interface Exchange {
  method: string;
  url: string;
  status: number | undefined;
  error: string | undefined;
  requestHeaders: Headers;
  responseHeaders: Headers;
  requestBody: string | undefined;
  responseBody: string | undefined;
  /** The body is base64, because its bytes are not text. */
  binaryBody: boolean;
  /** The server's report of its own time, from the Server-Timing header. */
  serverTiming: ServerTiming[];
  /** The record of the page's call that made the request. */
  call: Envelope | undefined;
  /** Why it failed, in words. */
  reason: string | null;
  phases: Phase[];
  durationMs: number | undefined;
  redirects: string[];
  facts: [name: string, value: string | undefined][];
}

/** Why the page's record of a body ends before the body does. */
const STOPPED: Record<string, string> = {
  size: "only its beginning is recorded",
  time: "it was not over after 2 seconds",
  error: "it broke off",
  left: "the page was left",
};
const END = new Set(["network.response", "network.failed"]);

export function exchangeOf(envelopes: Envelope[], selected: Envelope): Exchange {
  const find = (type: (t: string) => boolean): Envelope | undefined => {
    const found = envelopes.filter((e) => type(e.event.type));
    // A detail has all that its event has, and more.
    return found.find((e) => isDetail(e.event)) ?? found[0];
  };
  const dataOf = (type: (t: string) => boolean): Record<string, unknown> => asObject(find(type)?.event.data);
  const request =
    selected.event.type === "network.request"
      ? asObject(selected.event.data)
      : dataOf((t) => t === "network.request");
  const end = END.has(selected.event.type) ? asObject(selected.event.data) : dataOf((t) => END.has(t));
  const shown = asObject(selected.event.data);
  const ofPage = (type: string): Record<string, unknown> =>
    selected.event.type === type ? shown : dataOf((t) => t === type);
  const readByPage = ofPage("network.response_body");
  const stopped = asString(readByPage.body_stopped);
  const durationMs = asNumber(end.duration_ms);
  const binaryBody = end.body_encoding === "base64";
  const error = asString(shown.error) ?? asString(end.error);
  const responseHeaders = headersOf(selected.event.type === "network.redirect" ? shown.headers : end.headers);
  return {
    method: asString(shown.method) ?? asString(request.method) ?? "GET",
    url: selected.event.url ?? "",
    status: asNumber(shown.status) ?? asNumber(end.status),
    error,
    reason: error === undefined ? null : failureReason(error, asString(end.blocked_reason)),
    serverTiming: serverTimingOf(responseHeaders),
    requestHeaders: headersOf(request.headers),
    responseHeaders,
    requestBody: asString(request.body) ?? asString(ofPage("network.call").body),
    responseBody: asString(end.body) ?? asString(readByPage.body),
    binaryBody,
    call: find((t) => t === "network.call"),
    phases: phasesOf(end, durationMs),
    durationMs,
    redirects: envelopes
      .filter((e) => e.event.type === "network.redirect")
      .map((e) => asString(asObject(e.event.data).redirect_url) ?? ""),
    facts: [
      ["Kind", asString(request.resource_type) ?? asString(shown.resource_type)],
      ["Content type", asString(end.content_type)],
      ["Protocol", asString(end.protocol) ?? asString(end.status_line)],
      [
        "Answered by",
        end.from_service_worker === true
          ? "a service worker"
          : end.from_cache === true
            ? "the browser's cache"
            : undefined,
      ],
      ["Address", asString(end.ip)],
      ["Initiator", initiatorOf(request.initiator)],
      ["Called", asString(ofPage("network.call").stack)?.split("\n", 1)[0]?.trim()],
      ["Body not whole", stopped === undefined ? undefined : STOPPED[stopped]],
      [
        "Body truncated",
        end.body_cut_from === undefined ? undefined : `recorded of ${String(end.body_cut_from)} characters`,
      ],
    ],
  };
}

export function initiatorOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  const { type, url, line } = asObject(value);
  const place = asString(url);
  if (place === undefined) return asString(type);
  return `${asString(type) ?? ""} ${place}${line === null || line === undefined ? "" : `:${String(line)}`}`.trim();
}

/** Returns the phases in order: those of CDP's ResourceTiming if it was recorded, else waiting and receiving. */
function phasesOf(end: Record<string, unknown>, durationMs: number | undefined): Phase[] {
  if (durationMs === undefined) return [];
  const timing = asObject(end.timing);
  const at = (name: string): number => asNumber(timing[name]) ?? -1;
  const headersMs = asNumber(timing.receiveHeadersEnd);
  if (headersMs !== undefined) {
    const between = (name: string, from: string, to: string): Phase => ({
      name,
      ms: at(from) < 0 ? 0 : at(to) - at(from),
    });
    const phases = [
      between("DNS", "dnsStart", "dnsEnd"),
      between("connect", "connectStart", "connectEnd"),
      between("send", "sendStart", "sendEnd"),
      { name: "waiting", ms: headersMs - Math.max(0, at("sendEnd")) },
      { name: "receiving", ms: durationMs - headersMs },
    ].filter((p) => p.ms > 0);
    const known = phases.reduce((sum, p) => sum + p.ms, 0);
    return durationMs - known > 0.1 ? [{ name: "queued", ms: durationMs - known }, ...phases] : phases;
  }
  const first = asNumber(end.ttfb_ms);
  if (first === undefined) return [{ name: "whole", ms: durationMs }];
  return [
    { name: "waiting", ms: first },
    { name: "receiving", ms: Math.max(0, durationMs - first) },
  ];
}

/** Reads headers from pairs, as the recorder writes them, or from an object, as other producers do. */
function headersOf(value: unknown): Headers {
  if (Array.isArray(value)) {
    return value.flatMap((header): Headers => {
      const [name, text] = asArray(header);
      return typeof name === "string" ? [[name, typeof text === "string" ? text : ""]] : [];
    });
  }
  return Object.entries(asObject(value)).map(([name, text]): [string, string] => [name, String(text)]);
}

/** Reads the Server-Timing headers: https://www.w3.org/TR/server-timing/#the-server-timing-header-field */
export function serverTimingOf(headers: Headers): ServerTiming[] {
  return headers
    .filter(([name]) => name.toLowerCase() === "server-timing")
    .flatMap(([, value]) => value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [])
    .flatMap((metric): ServerTiming[] => {
      const [name = "", ...parameters] = (metric.match(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/g) ?? []).map((part) =>
        part.trim(),
      );
      if (name === "") return [];
      const of = (key: string): string | undefined =>
        parameters
          .find((parameter) => parameter.toLowerCase().startsWith(`${key}=`))
          ?.slice(key.length + 1)
          .replace(/^"|"$/g, "");
      const ms = Number(of("dur"));
      return [
        {
          name,
          description: of("desc") ?? "",
          ms: of("dur") !== undefined && Number.isFinite(ms) ? ms : undefined,
        },
      ];
    });
}
