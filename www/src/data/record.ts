/**
 * A line read back: an envelope or a gap.
 *
 * Captured text is hostile. Only the shape that the wire format promises is trusted; `data` stays
 * `unknown` until a view has checked it.
 */
import type { Envelope, Gap } from "../../../src/web/types";

export interface GapRecord {
  capture_session_id: string;
  gap: Gap;
}

export type LineRecord = Envelope | GapRecord;

export function isGap(record: LineRecord): record is GapRecord {
  return "gap" in record;
}

/** Returns the record of a line, or null if the line is not a record. */
export function parseLine(line: string): LineRecord | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null) return null;
    const record = value as Partial<Envelope & GapRecord>;
    if (typeof record.capture_session_id !== "string") return null;
    if (record.gap !== undefined && typeof record.gap.first_seq === "number") return record as GapRecord;
    if (record.event !== undefined && typeof record.seq === "number") return record as Envelope;
    return null;
  } catch {
    return null;
  }
}

/** Returns the events of lines, with their envelopes. */
export function eventsIn(lines: string[]): Envelope[] {
  return lines.map(parseLine).filter((record): record is Envelope => record !== null && !isGap(record));
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
