/** The message of an empty list: nothing happened, nothing matched, or nothing was being recorded. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Coverage, isReported, lengthOf, lostIn, unwatchedIn } from "../data/coverage";
import type { Feed } from "../data/feed";
import type { Range } from "../data/range";
import { count } from "../data/time";
import { valuesOf } from "../filter/text";
import { useViewer, type Viewer } from "../state";
import { Empty } from "../ui/empty";

export function Nothing({ top }: { top: number }) {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  const sessions = viewer.sessions.list.value;
  void feed?.version.value;
  const isEmptyRange = useEmptyRange(viewer);
  const failed = feed?.error.value ?? viewer.sessions.error.value;
  if (failed !== null && failed !== undefined) {
    if (failed.code === "bad_query") {
      return <Empty top={top} title="This filter cannot be read" text={failed.message} />;
    }
    return (
      <Empty
        top={top}
        title={
          failed.code === "unauthorized"
            ? "This page may not read the store"
            : viewer.source.kind === "logs"
              ? "The logs of this browser cannot be read"
              : "The collector does not answer"
        }
        text={`${failed.message}.`}
        mend={
          failed.code === "unauthorized" ? (
            <>
              Open the viewer from the popup, or by the link that <code>npm start</code> or{" "}
              <code>tabtape serve</code> prints.
            </>
          ) : (
            <>The viewer tries again by itself. The browser keeps its records until then.</>
          )
        }
      />
    );
  }
  if (sessions === null) return null;
  if (sessions.length === 0) {
    return (
      <Empty
        top={top}
        title="Nothing recorded yet"
        text="Press record in the Tabtape popup, and what your tabs do appears here as it happens."
      />
    );
  }
  if (feed === null || !(feed.complete.value || isEmptyRange)) return null;
  if ((feed.length > 0 || isEmptyRange) && viewer.view.range.value !== null) {
    return (
      <Empty
        top={top}
        title="Nothing in this time range"
        text={
          describeUnwatched(viewer.coverage.current.value, viewer.view.range.value, viewer.view.q.value) ??
          "Tabtape was watching, and nothing that matches happened."
        }
        action={{ label: "Show all of the session", run: () => viewer.view.setRange(null) }}
      />
    );
  }
  if (viewer.view.q.value !== "") {
    const all = viewer.session.value?.events ?? 0;
    const missing = feed.gapSeqs > 0 ? `; ${count(feed.gapSeqs)} missing records might have matched` : "";
    return (
      <Empty
        top={top}
        title="Nothing matches"
        text={`The session holds ${count(all)} events, none of them like this${missing}. ${describeNeverOn(viewer.coverage.current.value, viewer.view.q.value) ?? "The filter stays on: a match will appear as it happens."}`}
        action={{ label: "Clear the filter", run: () => viewer.view.applyFilter("") }}
      />
    );
  }
  return (
    <Empty
      top={top}
      title="This session is empty"
      text="Recording has begun, and nothing has happened so far."
    />
  );
}

/** Whether the range in view has no event. The source is asked, because it takes seconds to list all of its records. */
function useEmptyRange(viewer: Viewer): boolean {
  const { value: feed } = viewer.view.feed;
  const { value: range } = viewer.view.range;
  const empty = useSignal<{ feed: Feed; range: Range } | null>(null);
  useEffect(() => {
    if (feed === null || range === null || feed.complete.value) return;
    const asking = new AbortController();
    const ask = async () => {
      const found = await viewer.source.hasEvents?.(feed.query, range, asking.signal);
      if (found === false) empty.value = { feed, range };
    };
    // Without an answer it is seen once all records are listed.
    ask().catch(() => {});
    return () => asking.abort();
  }, [feed, range]);
  return empty.value?.feed === feed && empty.value?.range === range;
}

/** Describes a range that was not recorded, or only in part; null if all of it was. */
function describeUnwatched(coverage: Coverage, range: Range, q: string): string | null {
  if (!isReported(coverage))
    return "Nothing that matches was recorded. Which categories were on at that time is not known.";
  const categories = valuesOf(q, "category");
  const unwatched = unwatchedIn(coverage, range, categories);
  const lost = new Set(lostIn(coverage, range).map(({ tab }) => tab)).size;
  if (unwatched.length === 0 && lost > 0)
    return `The recorder was running, but ${count(lost)} ${lost === 1 ? "tab" : "tabs"} ended at this time whose last events may be missing, so something may have happened.`;
  if (unwatched.length === 0) return null;
  const what = categories.length === 0 ? "" : ` for ${categories.join(", ")}`;
  const part = lengthOf(unwatched) >= range.to - range.from ? "at this time" : "for a part of this time";
  return `Tabtape was not watching${what} ${part}, so something may have happened.`;
}

/** Describes that the categories of a filter were never recorded; null if one was. */
function describeNeverOn(coverage: Coverage, q: string): string | null {
  const categories = valuesOf(q, "category");
  if (categories.length === 0 || !isReported(coverage)) return null;
  const on = coverage.watched.some((stretch) => categories.some((name) => stretch.categories.includes(name)));
  return on ? null : `Tabtape was not watching for ${categories.join(", ")}, so something may have happened.`;
}
