/**
 * The filtered records as one file: written here from pages of lines, or by the source.
 *
 * The time range becomes a term of the selector, so that the file equals the answer to the same query.
 */

import type { Range } from "../data/range";
import { isGap, type LineRecord, parseLine } from "../data/record";
import { SEVERITIES, severityOf } from "../data/severity";
import type { FileFormat } from "../data/source";
import { dateTime } from "../data/time";
import { gapReason } from "../list/reasons";
import { summaryOf } from "../list/summary";
import type { Viewer } from "../state";

export type ExportFormat = "ndjson" | "txt" | FileFormat;

const MEDIA_TYPES: Record<ExportFormat, string> = {
  ndjson: "application/x-ndjson",
  har: "application/json",
  txt: "text/plain;charset=utf-8",
  markdown: "text/markdown;charset=utf-8",
  playwright: "text/javascript;charset=utf-8",
  bundle: "text/html;charset=utf-8",
};

const PAGE_LINES = 10_000;

export async function exported(
  viewer: Viewer,
  session: string,
  format: ExportFormat,
  signal: AbortSignal,
  progress: (records: number) => void,
): Promise<Blob> {
  const query = { session, q: withRange(viewer.view.q.value, viewer.view.range.value) };
  if (format !== "ndjson" && format !== "txt") {
    const file = await viewer.source.file(query, format, null, signal);
    return new Blob([file], { type: MEDIA_TYPES[format] });
  }
  const parts: string[] = [];
  let cursor: string | null = null;
  let records = 0;
  for (;;) {
    const page = await viewer.source.read(query, cursor, PAGE_LINES, signal);
    for (const line of page.lines) parts.push(format === "ndjson" ? line : textOf(line), "\n");
    records += page.lines.length;
    progress(records);
    cursor = page.next ?? cursor;
    if (page.end) break;
  }
  return new Blob(parts, { type: MEDIA_TYPES[format] });
}

/** Adds the range to a query. */
function withRange(q: string, range: Range | null): string {
  return range === null ? q : `${q} since:${Math.floor(range.from)} until:${Math.ceil(range.to)}`.trim();
}

function textOf(line: string): string {
  const record: LineRecord | null = parseLine(line);
  if (record === null) return line;
  if (isGap(record)) {
    const { first_seq, last_seq, category, reason } = record.gap;
    return `-- ${last_seq - first_seq + 1} ${category} records missing: ${gapReason(reason)}`;
  }
  const { event } = record;
  const { lead, status, text, aside } = summaryOf(event);
  const severity = (SEVERITIES[severityOf(event)] ?? "info").toUpperCase().padEnd(5);
  const shown = [lead, status, text, aside].filter((part) => part !== undefined && part !== "").join(" ");
  return `${dateTime(event.ts)} ${severity} ${event.type.padEnd(24)} ${shown}`;
}
