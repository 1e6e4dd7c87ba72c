/** What an empty list has to say: whether nothing happened, nothing matched, or nobody was watching. */
import { type Coverage, holesIn, isTold, lengthOf } from "../data/coverage";
import type { Range } from "../data/range";
import { count } from "../data/time";
import { valuesOf } from "../filter/text";
import { useViewer } from "../state";
import { Empty } from "../ui/empty";

export function Nothing({ top }: { top: number }) {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  const sessions = viewer.sessions.list.value;
  void feed?.version.value;
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
              Run <code>tabtape serve</code> again, or open the link it prints.
            </>
          ) : (
            <>Trying again by itself. Nothing is lost meanwhile: the browser keeps what it records.</>
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
        mend={
          viewer.source.kind === "logs" ? undefined : (
            <>
              Or send one event from a terminal: <code>tabtape mark "hello"</code>
            </>
          )
        }
      />
    );
  }
  if (feed === null || !feed.complete.value) return null;
  if (feed.length > 0 && viewer.view.range.value !== null) {
    return (
      <Empty
        top={top}
        title="Nothing in this time range"
        text={
          nobodyWatched(viewer.coverage.current.value, viewer.view.range.value, viewer.view.q.value) ??
          "Somebody was watching, and nothing that matches happened."
        }
        action={{ label: "Show all of the session", run: () => viewer.view.setRange(null) }}
      />
    );
  }
  if (viewer.view.q.value !== "") {
    const all = viewer.session.value?.events ?? 0;
    const lost =
      feed.gapSeqs > 0 ? `; ${count(feed.gapSeqs)} records are missing, which might have been` : "";
    return (
      <Empty
        top={top}
        title="Nothing matches"
        text={`The session holds ${count(all)} events, none of them like this${lost}. ${neverOn(viewer.coverage.current.value, viewer.view.q.value) ?? "The filter stays on: a match will appear as it happens."}`}
        action={{ label: "Clear the filter", run: () => viewer.view.applyFilter("") }}
      />
    );
  }
  return (
    <Empty
      top={top}
      title="This session is empty"
      text="It was begun, and nothing has been recorded in it so far. Somebody is watching."
    />
  );
}

/** What to say of a range in which nobody watched, or not all of the time; null when somebody did. */
function nobodyWatched(coverage: Coverage, range: Range, q: string): string | null {
  if (!isTold(coverage)) return "Nothing that matches was recorded; what was being watched is not told.";
  const categories = valuesOf(q, "category");
  const holes = holesIn(coverage, range, categories);
  if (holes.length === 0) return null;
  const what = categories.length === 0 ? "" : ` for ${categories.join(", ")}`;
  const part = lengthOf(holes) >= range.to - range.from ? "then" : "during at least part of it";
  return `Nobody was watching${what} ${part}, so this is no proof that nothing happened.`;
}

/** What to say when the categories that a filter names were off all the time. */
function neverOn(coverage: Coverage, q: string): string | null {
  const categories = valuesOf(q, "category");
  if (categories.length === 0 || !isTold(coverage)) return null;
  const on = coverage.watched.some((stretch) => categories.some((name) => stretch.categories.includes(name)));
  return on
    ? null
    : `Nobody was watching for ${categories.join(", ")}, so this is no proof that nothing happened.`;
}
