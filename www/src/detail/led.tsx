/**
 * The records of the same tab that led to the selected one, in causal order (ts, then seq). Those that it came from, by
 * their links, are marked, and shown however far back they are.
 *
 * They are read again without the filter: the cause of an error is rarely an error itself.
 */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Envelope } from "../../../src/web/types";
import { isGap, type LineRecord, parseLine } from "../data/record";
import { isDetail, SEVERITIES, severityOf } from "../data/severity";
import { duration } from "../data/time";
import { summaryOf } from "../list/summary";
import { useViewer } from "../state";
import { categoryClass } from "../ui/category";
import { causesOf } from "./causes";
import { Part } from "./parts";

const MOST = 60;
/** Seqs that are read before the selected one; records of other tabs are among them. */
const SEQS_BACK = 3_000;

export function Led({ record }: { record: LineRecord }) {
  const viewer = useViewer();
  const found = useSignal<LineRecord[] | null>(null);
  const causes = useSignal<Set<number>>(new Set());
  const failed = useSignal<string | null>(null);
  const seq = isGap(record) ? record.gap.first_seq : record.seq;
  const session = record.capture_session_id;
  const tab = isGap(record) ? undefined : record.event.source.metadata?.tab_id;

  useEffect(() => {
    const abort = new AbortController();
    found.value = null;
    failed.value = null;
    const query = { session, q: tab === undefined ? "" : `tab:${tab}` };
    viewer.source
      .read(query, viewer.source.cursorBefore(query, Math.max(1, seq - SEQS_BACK)), SEQS_BACK, abort.signal)
      .then((page) => {
        const upTo = page.lines
          .map(parseLine)
          .filter((r): r is LineRecord => r !== null && (isGap(r) || !isDetail(r.event)))
          .filter((r) =>
            isGap(r)
              ? r.gap.first_seq <= seq
              : r.seq <= seq || (!isGap(record) && r.event.ts < record.event.ts),
          );
        const ordered = byCause(upTo);
        const here = ordered.findIndex((r) => seqOf(r) === seq);
        const before = ordered.slice(0, here < 0 ? undefined : here + 1);
        causes.value = isGap(record) ? new Set() : causesOf(record.event, before);
        const isNear = (index: number): boolean => index >= before.length - MOST;
        found.value = before.filter((r, index) => isNear(index) || causes.value.has(seqOf(r)));
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) failed.value = error instanceof Error ? error.message : String(error);
      });
    return () => abort.abort();
  }, [session, seq]);

  if (failed.value !== null) return <p class="pane-wait">{failed.value}</p>;
  if (found.value === null) return <p class="dim pane-wait">Reading…</p>;
  const end = isGap(record) ? null : record.event.ts;
  return (
    <Part title={tab === undefined ? "Before this, in the session" : `Before this, in tab ${tab}`}>
      <ol class="led">
        {[...found.value].reverse().map((r) =>
          isGap(r) ? (
            <li key={r.gap.first_seq} class="led-gap">
              {r.gap.last_seq - r.gap.first_seq + 1} {r.gap.category} records missing
            </li>
          ) : (
            <LedRow
              key={r.seq}
              envelope={r}
              end={end}
              here={r.seq === seq}
              isCause={causes.value.has(r.seq)}
            />
          ),
        )}
      </ol>
    </Part>
  );
}

interface LedRowProps {
  envelope: Envelope;
  end: number | null;
  here: boolean;
  isCause: boolean;
}

function LedRow({ envelope, end, here, isCause }: LedRowProps) {
  const viewer = useViewer();
  const { event, seq } = envelope;
  const summary = summaryOf(event);
  return (
    <li>
      <button
        type="button"
        class={`led-row s-${SEVERITIES[severityOf(event)]} ${categoryClass(event.category)}${here ? " here" : ""}${isCause ? " cause" : ""}`}
        title={isCause ? "The selected event came from this one" : undefined}
        aria-current={here ? "true" : undefined}
        onClick={() => viewer.selection.selectSeq(envelope.capture_session_id, seq)}
      >
        <span class="led-time">{end === null ? "" : here ? "here" : `−${duration(end - event.ts)}`}</span>
        <span class="led-type">{event.type}</span>
        <span class="led-text">
          {summary.lead} {summary.status} {summary.text} {summary.aside}
        </span>
      </button>
    </li>
  );
}

/** Sorts by (ts, seq). A gap has no time of its own and gets that of the record before it. */
function byCause(records: LineRecord[]): LineRecord[] {
  let ts = 0;
  return records
    .map((record) => {
      if (!isGap(record)) ts = record.event.ts;
      return { record, ts };
    })
    .sort((a, b) => a.ts - b.ts || seqOf(a.record) - seqOf(b.record))
    .map(({ record }) => record);
}

function seqOf(record: LineRecord): number {
  return isGap(record) ? record.gap.first_seq : record.seq;
}
