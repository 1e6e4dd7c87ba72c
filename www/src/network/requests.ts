/** One row per request, made from its records: the request, its redirects, its end, or the frames of its socket. */
import type { Envelope } from "../../../src/web/types";
import { asNumber, asObject, asString } from "../data/record";
import { initiatorOf } from "../detail/exchange";
import { fileOf, parseStack } from "../detail/frames";
import { failureReason } from "./failures";

export class RequestRow {
  seqs: number[] = [];
  url = "";
  name = "(address not recorded)";
  method = "";
  type = "";
  initiator = "";
  /** File and line of the page's code that made the request. */
  caller: string | undefined;
  status: number | undefined;
  /** `pending` has no end yet, and `open` is a socket or a stream that continues. */
  state: "pending" | "open" | "done" | "failed" = "pending";
  /** Why it failed. */
  reason = "";
  bytes: number | undefined;
  answeredBy: "server" | "cache" | "service worker" = "server";
  /** The start after the last redirect, or undefined if no record of it was read. */
  hopTs: number | undefined;
  firstByteTs: number | undefined;
  endTs: number | undefined;

  /**
   * `seq` is that of the record whose details show the request: its end, or its beginning until then. Times are Unix
   * microseconds.
   */
  constructor(
    readonly session: string,
    public seq: number,
    public startTs: number,
  ) {}
}

export type SortColumn = "name" | "method" | "status" | "type" | "initiator" | "size" | "time" | "start";

export interface Sorting {
  column: SortColumn;
  isDescending: boolean;
}

const TYPES: Record<string, string> = {
  main_frame: "document",
  sub_frame: "frame",
  xmlhttprequest: "fetch",
  xhr: "fetch",
};
const MOST_SEQS = 20;
/** Records that a page adds to its requests. */
const OF_PAGE = new Set(["network.call", "network.response_body", "network.json_warning"]);

export class RequestTable {
  readonly rows: RequestRow[] = [];
  readonly #byId = new Map<string, RequestRow>();

  add({ capture_session_id: session, seq, event }: Envelope): void {
    if (event.category !== "network") return;
    const data = asObject(event.data);
    const id = event.source.metadata?.request_id;
    const isOfPage = OF_PAGE.has(event.type);
    // Without a number it is not known which request the page has made.
    if (isOfPage && id === undefined) return;
    const key = `${session} ${id ?? `seq ${seq}`}`;
    let row = this.#byId.get(key);
    if (row === undefined) {
      row = new RequestRow(session, seq, event.ts);
      this.#byId.set(key, row);
      this.rows.push(row);
    }
    if (row.seqs.length < MOST_SEQS) row.seqs.push(seq);
    if (isOfPage) {
      const [caller] = parseStack(asString(data.stack) ?? "");
      if (caller !== undefined) row.caller = `${fileOf(caller.url)}:${caller.line}`;
      row.initiator = row.caller ?? row.initiator;
      return;
    }
    if (event.url !== undefined && event.url !== row.url) {
      row.url = event.url;
      row.name = nameOf(event.url);
    }
    row.method = asString(data.method) ?? row.method;
    const type = asString(data.resource_type);
    if (type !== undefined) row.type = TYPES[type] ?? type;
    if (event.type.startsWith("network.websocket_")) row.type = "websocket";
    row.initiator = row.caller ?? shortInitiator(initiatorOf(data.initiator)) ?? row.initiator;
    row.status = asNumber(data.status) ?? row.status;
    switch (event.type) {
      case "network.request":
        // The page's own record of its call may come before.
        if (row.hopTs === undefined) row.startTs = event.ts;
        row.hopTs = event.ts;
        break;
      case "network.redirect":
        row.hopTs = event.ts;
        break;
      case "network.response":
        this.#end(row, seq, event.ts, data);
        row.state = data.streaming === true ? "open" : "done";
        break;
      case "network.failed":
        this.#end(row, seq, event.ts, data);
        fail(row, data);
        break;
      case "network.websocket_opened":
        row.state = "open";
        row.seq = seq;
        break;
      case "network.websocket_closed":
        row.state = "done";
        row.endTs = event.ts;
        break;
      case "network.websocket_failed":
        row.seq = seq;
        row.endTs = event.ts;
        fail(row, data);
        break;
      case "network.websocket_sent":
      case "network.websocket_received":
        row.bytes = (row.bytes ?? 0) + (asNumber(data.length) ?? 0);
        break;
      default:
    }
  }

  #end(row: RequestRow, seq: number, ts: number, data: Record<string, unknown>): void {
    row.seq = seq;
    const durationMs = asNumber(data.duration_ms);
    const ttfbMs = asNumber(data.ttfb_ms);
    // Its beginning may be filtered out or no longer stored.
    const start = row.hopTs ?? (durationMs === undefined ? ts : ts - durationMs * 1000);
    if (row.hopTs === undefined) row.startTs = start;
    // The record of the end is written later, when the body has been read.
    row.endTs = durationMs === undefined ? ts : start + durationMs * 1000;
    row.firstByteTs = ttfbMs === undefined ? undefined : start + ttfbMs * 1000;
    row.bytes = asNumber(data.transfer_bytes) ?? asNumber(data.content_length) ?? row.bytes;
    if (data.from_service_worker === true) row.answeredBy = "service worker";
    else if (data.from_cache === true) row.answeredBy = "cache";
  }
}

function fail(row: RequestRow, data: Record<string, unknown>): void {
  row.state = "failed";
  const error = asString(data.error) ?? "";
  row.reason = failureReason(error, asString(data.blocked_reason)) ?? error.replace(/^net::/, "");
}

/** Returns the last part of an address with its query, by which a table's rows differ. */
function nameOf(url: string): string {
  const match = /^[a-z]+:\/\/([^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(url);
  if (match === null) return url.slice(0, 80);
  const [, host = "", path = "", query = ""] = match;
  const name = path.replace(/\/$/, "").split("/").at(-1) ?? "";
  return name === "" ? `${host}/${query}` : `${name}${query}`;
}

/** Returns an initiator's origin without its scheme, or the last part of its file. */
function shortInitiator(initiator: string | undefined): string | undefined {
  return initiator?.replace(/https?:\/\/(?:[^\s/]+\/(?:[^\s?#]*\/)?(?=[^\s/]))?/, "");
}

export function hasFailed(row: RequestRow | undefined): boolean {
  return row?.state === "failed" || (row?.status ?? 0) >= 400;
}

export function durationOf({ startTs, endTs }: RequestRow): number | undefined {
  return endTs === undefined ? undefined : Math.max(0, endTs - startTs);
}

/** Returns the rows in the order of a column. Rows without a value come last. */
export function sorted(rows: RequestRow[], { column, isDescending }: Sorting): RequestRow[] {
  const value = (row: RequestRow): string | number | undefined => {
    switch (column) {
      case "size":
        return row.bytes;
      case "time":
        return durationOf(row);
      case "start":
        return row.startTs;
      case "status":
        return row.status ?? (row.state === "failed" ? 0 : undefined);
      default:
        return row[column] === "" ? undefined : row[column].toLowerCase();
    }
  };
  const keyed = rows.map((row) => ({ row, value: value(row) }));
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined)
      return Number(a.value === undefined) - Number(b.value === undefined) || a.row.startTs - b.row.startTs;
    const order = a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
    return (isDescending ? -order : order) || a.row.startTs - b.row.startTs;
  });
  return keyed.map(({ row }) => row);
}
