/** All sessions as one summary, for the picker, the chips and the timeline. */
import { ALL_SESSIONS, SessionSummary } from "../data/source";

export function allOf(sessions: SessionSummary[]): SessionSummary {
  const all = new SessionSummary(ALL_SESSIONS, "All sessions");
  for (const s of sessions) {
    if (s.first_ts !== null) all.first_ts = Math.min(all.first_ts ?? s.first_ts, s.first_ts);
    if (s.last_ts !== null) all.last_ts = Math.max(all.last_ts ?? s.last_ts, s.last_ts);
    all.latest_seq += s.latest_seq;
    all.events += s.events;
    all.missing += s.missing;
    all.counted &&= s.counted;
    addTo(all.gaps, s.gaps);
    addTo(all.categories, s.categories);
    addTo(all.severities, s.severities);
  }
  return all;
}

function addTo(sums: Record<string, number>, more: Record<string, number>): void {
  for (const [name, n] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + n;
}
