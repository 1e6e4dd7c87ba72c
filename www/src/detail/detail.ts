/**
 * The detail of an event, which its page handed over later in an event of its own, at the same time, as `verbose`:
 * `source.metadata.detail_of` names the event's seq.
 */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Envelope, Event } from "../../../src/web/types";
import { eventsIn, isGap, type LineRecord } from "../data/record";
import type { DataSource } from "../data/source";
import { useViewer } from "../state";

/** Events of one type and moment that are looked at. */
const MOST_SAME = 50;

/** Whether a page may have more of an event than is stored. */
function mayHaveDetail({ detail_level, truncated, type }: Event): boolean {
  return detail_level === "standard" && (truncated === true || type === "network.call");
}

async function detailOf(source: DataSource, record: Envelope, signal: AbortSignal): Promise<Envelope | null> {
  const { ts, type } = record.event;
  const query = {
    session: record.capture_session_id,
    q: `detail:verbose type:${type} since:${ts} until:${ts}`,
  };
  const after = source.cursorBefore(query, record.seq + 1);
  const { lines } = await source.read(query, after, MOST_SAME, signal);
  return eventsIn(lines).find(({ event }) => event.source.metadata?.detail_of === String(record.seq)) ?? null;
}

/** Returns the detail of a record; null without one, and until it is read. */
export function useDetail(record: LineRecord | undefined): Envelope | null {
  const viewer = useViewer();
  const found = useSignal<Envelope | null>(null);
  const whole = record === undefined || isGap(record) || !mayHaveDetail(record.event) ? null : record;
  useEffect(() => {
    found.value = null;
    if (whole === null) return;
    const abort = new AbortController();
    detailOf(viewer.source, whole, abort.signal).then(
      (detail) => {
        if (!abort.signal.aborted) found.value = detail;
      },
      // The record itself is shown all the same.
      () => {},
    );
    return () => abort.abort();
  }, [whole?.capture_session_id, whole?.seq]);
  return found.value;
}

/** Returns a record as one with its detail. */
export function withDetail(record: Envelope, detail: Envelope | null): Envelope {
  if (detail === null) return record;
  const { data, detail_level, truncated } = detail.event;
  const { truncated: _, ...event } = record.event;
  return { ...record, event: { ...event, data, detail_level, ...(truncated ? { truncated } : {}) } };
}
