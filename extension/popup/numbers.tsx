/** The numbers of the session: records, errors, undelivered and missing ones. */
import { useEffect } from "preact/hooks";
import { count, shortCount } from "../../www/src/data/time.ts";
import { tally, tallySession } from "./logs.ts";
import type { RecorderNow } from "./state.ts";

/** Records that a person deleted or that reached the retention limit are not missing. */
const NOT_MISSING = ["deleted", "not_retained"];

export function Numbers({ recorder }: { recorder: RecorderNow }) {
  // The recorder counts since its worker started; the logs contain the whole session.
  useEffect(() => {
    void tallySession(recorder);
  }, [recorder]);
  const { errors, missing } = sums(recorder);
  const tiles: [name: string, value: number, kind: string, title: string][] = [
    ["Records", recorder.latest_seq, "", "in this session, gaps counted"],
    ["Errors", errors, errors > 0 ? "bad" : "", "in this session"],
    recorder.collector.state === "none"
      ? ["Kept here", recorder.backlog_events, "", "committed to this browser's logs"]
      : ["To deliver", recorder.backlog_events, "", "committed here, not yet acknowledged"],
    ["Missing", missing, missing > 0 ? "warn" : "", "missing, in this session"],
  ];
  return (
    <dl class="numbers">
      {tiles.map(([name, value, kind, title]) => (
        <div key={name} class={kind} title={`${count(value)} ${title}`}>
          <dt>{name}</dt>
          <dd>{shortCount(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Events of a category in this session. */
export function eventsOf(recorder: RecorderNow, category: string): number {
  const known = tally.value;
  if (known?.session !== recorder.session_id) return recorder.categories[category]?.events ?? 0;
  return (known.counts[category] ?? []).reduce((sum, n) => sum + n, 0);
}

function sums(recorder: RecorderNow): { errors: number; missing: number } {
  const known = tally.value;
  if (known?.session !== recorder.session_id) {
    const dropped = Object.values(recorder.categories).reduce((sum, c) => sum + c.dropped, 0);
    return { errors: recorder.errors, missing: dropped };
  }
  const errors = Object.values(known.counts).reduce((sum, [, , , error]) => sum + error, 0);
  const gaps = Object.entries(known.gaps).filter(([reason]) => !NOT_MISSING.includes(reason));
  return { errors, missing: gaps.reduce((sum, [, n]) => sum + n, 0) };
}
