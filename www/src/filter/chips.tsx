/** Chips that filter by severity or category, each with its count, and the chosen time range. */
import { clock, count, shortCount } from "../data/time";
import { useViewer } from "../state";
import { byCategory, categoryClass } from "../ui/category";
import { Icon } from "../ui/icon";
import { type ChosenSeverities, chosenSeverities, valuesOf, withSeverities, withValues } from "./text";

const MODES = [
  { mode: "events", label: "Events" },
  { mode: "network", label: "Network" },
] as const;

export function Chips() {
  const viewer = useViewer();
  const session = viewer.session.value;
  const text = viewer.view.draft.value;
  const chosen = valuesOf(text, "category");
  const severities = chosenSeverities(text);
  const counts = session?.categories ?? {};
  const names = Object.keys(counts).sort(byCategory);
  const range = viewer.view.range.value;
  // The table of requests has one category.
  const isNetwork = viewer.mode.value === "network";

  const toggleCategory = (name: string) => {
    const next = chosen.includes(name) ? chosen.filter((c) => c !== name) : [...chosen, name];
    viewer.view.applyFilter(withValues(text, "category", next));
  };
  const toggleSeverity = (name: keyof ChosenSeverities) => {
    viewer.view.applyFilter(withSeverities(text, { ...severities, [name]: !severities[name] }));
  };
  return (
    <div class="chips" role="toolbar" aria-label="Quick filters">
      {MODES.map(({ mode, label }) => (
        <button
          key={mode}
          type="button"
          class="chip"
          aria-pressed={viewer.mode.value === mode}
          onClick={() => viewer.show(mode)}
        >
          {label}
        </button>
      ))}
      {viewer.problems.isAvailable ? <ProblemsChip /> : null}
      <span class="chips-rule" />
      <button
        type="button"
        class="chip error"
        aria-pressed={severities.errors}
        onClick={() => toggleSeverity("errors")}
      >
        <span class="chip-dot" />
        Errors <Count n={session?.severities.error ?? 0} />
      </button>
      <button
        type="button"
        class="chip warn"
        aria-pressed={severities.warnings}
        onClick={() => toggleSeverity("warnings")}
      >
        <span class="chip-dot" />
        Warnings <Count n={session?.severities.warn ?? 0} />
      </button>
      {isNetwork ? null : <span class="chips-rule" />}
      {(isNetwork ? [] : names).map((name) => (
        <button
          key={name}
          type="button"
          class={`chip ${categoryClass(name)}`}
          aria-pressed={chosen.includes(name)}
          onClick={() => toggleCategory(name)}
        >
          <span class="chip-dot" />
          {name} <Count n={counts[name] ?? 0} />
        </button>
      ))}
      {range === null ? null : (
        <>
          <span class="chips-rule" />
          <button
            type="button"
            class="chip range"
            onClick={() => viewer.view.setRange(null)}
            aria-label="Clear the time range"
          >
            {clock(range.from)} – {clock(range.to)}
            <Icon name="close" />
          </button>
        </>
      )}
    </div>
  );
}

function ProblemsChip() {
  const { problems } = useViewer();
  const all = problems.inView.value;
  return (
    <button
      type="button"
      class="chip"
      aria-pressed={problems.isOpen.value && all.length > 0}
      disabled={all.length === 0}
      title="Errors in groups, with what led to each (p)"
      onClick={() => problems.toggle()}
    >
      Problems <Count n={all.filter(({ isNoise }) => !isNoise).length} />
    </button>
  );
}

function Count({ n }: { n: number }) {
  return (
    <span class="chip-count" title={count(n)}>
      {shortCount(n)}
    </span>
  );
}
