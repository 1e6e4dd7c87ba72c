/**
 * A summary of a session that can be compared with that of another: counts by type, failures by message,
 * requests by address, vitals.
 *
 * Numbers and hashes in messages are not compared, because they differ between two runs of the same failure.
 */
import type { Event } from "../../../src/web/types";
import { asNumber, asObject } from "../data/record";
import { severityOf } from "../data/severity";
import { VITALS } from "../detail/page";
import { summaryOf } from "../list/summary";

interface Request {
  count: number;
  failed: number;
  /** Durations in milliseconds. */
  times: number[];
}

export class Digest {
  events = 0;
  missing = 0;
  readonly types = new Map<string, number>();
  readonly failures = new Map<string, { count: number; example: string; seq: number; session: string }>();
  readonly requests = new Map<string, Request>();
  readonly vitals = new Map<string, number[]>();
}

export function add(digest: Digest, session: string, seq: number, event: Event): void {
  digest.events++;
  digest.types.set(event.type, (digest.types.get(event.type) ?? 0) + 1);
  const data = asObject(event.data);
  if (severityOf(event) === 3) {
    const { lead, status, text } = summaryOf(event);
    const example = `${event.type}  ${[lead, status, text].filter((p) => p !== undefined && p !== "").join(" ")}`;
    const key = withoutNumbers(example);
    const known = digest.failures.get(key);
    if (known === undefined) digest.failures.set(key, { count: 1, example, seq, session });
    else known.count++;
  }
  if (event.type === "network.response" || event.type === "network.failed") {
    const key = `${String(data.method ?? "GET")} ${place(event.url ?? "")}`;
    const request = digest.requests.get(key) ?? { count: 0, failed: 0, times: [] };
    request.count++;
    if (severityOf(event) === 3) request.failed++;
    const ms = asNumber(data.duration_ms);
    if (ms !== undefined) request.times.push(ms);
    digest.requests.set(key, request);
  }
  if (Object.hasOwn(VITALS, event.type)) {
    const value = asNumber(data.value_ms) ?? asNumber(data.value) ?? asNumber(data.duration_ms);
    if (value !== undefined) digest.vitals.set(event.type, [...(digest.vitals.get(event.type) ?? []), value]);
  }
}

/** Host and path; ids in the path are one. */
function place(url: string): string {
  return url
    .replace(/^https?:\/\//, "")
    .replace(/[?#].*$/, "")
    .replace(/\/(\d+|[0-9a-f]{8,}(-[0-9a-f]{4,})*)(?=\/|$)/gi, "/…");
}

function withoutNumbers(text: string): string {
  return text.replace(/\b[0-9a-f]{8,}\b/gi, "…").replace(/\d+/g, "#");
}

export function median(values: number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
