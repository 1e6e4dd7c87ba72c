/**
 * The coverage strip: the times that were recorded and those that were not, the missing records, and the
 * starts of the recorder's worker. An empty stretch above an unbroken line means that nothing happened.
 */
import { isReported, lengthOf, unwatchedIn } from "../data/coverage";
import { clock, count, duration } from "../data/time";
import { useViewer } from "../state";
import { missingIn } from "../stores/sessions";

/** The smallest distance of two marks: closer ones would hide each other. */
const LEAST_APART_PX = 3;

interface Mark {
  at: number;
  kind: "gap" | "restart";
  title: string;
}

export function Coverage({ width }: { width: number }) {
  const viewer = useViewer();
  const { from, to } = viewer.domain.value;
  const coverage = viewer.coverage.current.value;
  const session = viewer.session.value;
  if (width < 40 || session === null) return <div class="coverage" />;
  const x = (ts: number): number => Math.min(width, Math.max(0, ((ts - from) / (to - from)) * width));

  const marks: Mark[] = coverage.restarts.map(({ ts, reason }) => ({
    at: x(ts),
    kind: "restart",
    title: `Worker started at ${clock(ts)}${reason === "" ? "" : `: ${reason.replaceAll("_", " ")}`}`,
  }));
  for (const gap of viewer.view.feed.value?.gaps ?? []) {
    marks.push({
      at: x(gap.ts),
      kind: "gap",
      title: `${count(gap.count)} ${gap.category} records missing near ${clock(gap.ts)}`,
    });
  }
  for (const { from_ts, to_ts, tab, reason } of coverage.lost) {
    marks.push({
      at: x(from_ts),
      kind: "gap",
      title: `Tab ${tab}: an unknown number of records may be missing from ${clock(from_ts)} to ${clock(to_ts)} (${reason.replaceAll("_", " ")})`,
    });
  }
  const missing = missingIn(session);
  const isKnown = isReported(coverage);
  const span = {
    from: session.first_ts ?? from,
    to: Math.max(session.last_ts ?? to, session.first_ts ?? to),
  };
  const stretches = isKnown ? unwatchedIn(coverage, span, []) : [];
  const unwatched = lengthOf(stretches);
  const watching = !isKnown
    ? "the recorded times are not known"
    : unwatched === 0
      ? "recorded throughout"
      : `not recorded for ${duration(unwatched)}`;
  return (
    <div
      class="coverage"
      role="img"
      aria-label={`Coverage: ${watching}; ${
        missing === 0 ? "no record is missing" : `${count(missing)} records are missing`
      }; ${count(coverage.lost.length)} documents ended with records that may be missing; the recorder's worker started ${count(coverage.restarts.length)} times.`}
    >
      <svg width={width} height="10" aria-hidden="true">
        <rect
          class={isKnown ? "coverage-watched" : "coverage-unknown"}
          x={x(session.first_ts ?? from)}
          y="4"
          width={Math.max(1, x(to) - x(session.first_ts ?? from))}
          height="2"
          rx="1"
        />
        {stretches.map((stretch) => (
          <rect
            key={stretch.from}
            class="coverage-unwatched"
            x={x(stretch.from)}
            y="2"
            width={Math.max(2, x(stretch.to) - x(stretch.from))}
            height="6"
            rx="1"
          >
            <title>{`Not recorded for ${duration(stretch.to - stretch.from)}`}</title>
          </rect>
        ))}
        {apart(marks).map((mark) =>
          mark.kind === "gap" ? (
            <rect
              key={`g${mark.at}`}
              class="coverage-gap"
              x={mark.at - 1.5}
              y="0"
              width="3"
              height="10"
              rx="1"
            >
              <title>{mark.title}</title>
            </rect>
          ) : (
            <path key={`r${mark.at}`} class="coverage-restart" d={`M${mark.at - 3} 0h6l-3 5z`}>
              <title>{mark.title}</title>
            </path>
          ),
        )}
      </svg>
    </div>
  );
}

function apart(marks: Mark[]): Mark[] {
  const kept: Mark[] = [];
  for (const kind of ["restart", "gap"] as const) {
    let last = Number.NEGATIVE_INFINITY;
    for (const mark of marks.filter((m) => m.kind === kind).sort((a, b) => a.at - b.at)) {
      if (mark.at - last < LEAST_APART_PX) continue;
      kept.push(mark);
      last = mark.at;
    }
  }
  return kept;
}
