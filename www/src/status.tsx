/** The line at the bottom: the number of records, their rate, and problems. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Feed } from "./data/feed";
import type { SessionSummary } from "./data/source";
import { bytes, clock, count } from "./data/time";
import { gapReason } from "./list/reasons";
import { useViewer } from "./state";
import { missingIn } from "./stores/sessions";
import "./status.css";

const RATE_EVERY_MS = 1_000;

export function Status() {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  void feed?.version.value;
  const rows = viewer.view.rows.value;
  const session = viewer.session.value;
  const rate = useRate(feed);
  const state = stateOf(viewer);
  const filtered = viewer.view.q.value !== "" || viewer.view.range.value !== null;
  const lost = missingIn(session);
  const missing = session?.missing ?? 0;
  const loading =
    feed !== null &&
    feed.state.value !== "failed" &&
    !feed.complete.value &&
    session !== null &&
    session.latest_seq > 0;
  return (
    <footer class="status-line">
      <span class={`state state-${state.kind}`} role="status">
        <span class="state-dot" aria-hidden="true" />
        {state.text}
      </span>
      <span>
        {filtered && session !== null
          ? `${count(rows.records)} of ${count(session.events)} events`
          : `${count(rows.records)} ${rows.records === 1 ? "record" : "records"}`}
      </span>
      {loading ? <span>reading history…</span> : null}
      {viewer.view.folding.value.isOn && feed !== null && feed.head.length > 0 && feed.tail.length > 0 ? (
        <span title="Older records are listed before their contents are read. Repeats, console groups and records of one request among them are not folded; a filter that leaves fewer records folds them too.">
          folded since {clock(feed.ts(feed.head.length))}
        </span>
      ) : null}
      {lost > 0 ? (
        <span class="status-gaps" title={reasonsOf(session)}>
          {count(lost)} missing
        </span>
      ) : (
        <span>nothing missing</span>
      )}
      {missing > 0 ? (
        <span title="Later records have already arrived">{count(missing)} on their way</span>
      ) : null}
      {viewer.newer.value === null ? null : (
        <button type="button" class="status-newer" onClick={() => viewer.openNewer()}>
          Open the newer session
        </button>
      )}
      <span class="status-space" />
      {viewer.source.kind === "logs" ? (
        <span
          class="status-source"
          title="No collector is connected, so the viewer reads the logs of this browser. Only a collector groups errors into problems."
        >
          from this browser's logs
        </span>
      ) : null}
      {viewer.source.kind === "bundle" ? <span class="status-source">from the bundle</span> : null}
      {rate > 0 ? <span>{count(rate)}/s</span> : null}
      {viewer.view.lines.size > 0 ? (
        <span class="status-memory" title="Text of records held in this page">
          {bytes(viewer.view.lines.size)} in memory
        </span>
      ) : null}
    </footer>
  );
}

/** `912 quota, 3 refused`, in words. */
function reasonsOf(session: SessionSummary | null): string {
  return Object.entries(session?.gaps ?? {})
    .map(([reason, n]) => `${count(n)}: ${gapReason(reason)}`)
    .join("\n");
}

interface Stated {
  kind: "live" | "paused" | "loading" | "failed";
  text: string;
}

function stateOf(viewer: ReturnType<typeof useViewer>): Stated {
  const feed = viewer.view.feed.value;
  const error = feed?.error.value ?? viewer.sessions.error.value;
  if (error !== null && error !== undefined && error.code !== "bad_query")
    return { kind: "failed", text: error.message };
  if (error?.code === "bad_query") return { kind: "paused", text: "Filter cannot be read" };
  if (feed === null)
    return {
      kind: "loading",
      text: viewer.sessions.list.value === null ? "Connecting…" : "Waiting for a first session",
    };
  if (viewer.view.pausedAt.value !== null) return { kind: "paused", text: "Paused" };
  if (viewer.coverage.current.value.ended) return { kind: "paused", text: "Session ended" };
  if (feed.state.value === "live")
    return viewer.source.kind === "bundle"
      ? { kind: "paused", text: "All records read" }
      : { kind: "live", text: "Live" };
  return { kind: "loading", text: "Reading…" };
}

/** Returns the new records per second, measured once per second. History that is being read does not count. */
function useRate(feed: Feed | null): number {
  const rate = useSignal(0);
  useEffect(() => {
    let before = -1;
    rate.value = 0;
    const timer = setInterval(() => {
      const now = feed?.state.value === "live" ? feed.tail.length : -1;
      rate.value = before < 0 || now < 0 ? 0 : now - before;
      before = now;
    }, RATE_EVERY_MS);
    return () => clearInterval(timer);
  }, [feed]);
  return rate.value;
}
