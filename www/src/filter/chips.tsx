/** One click for what is filtered most: categories and severities with their counts, and the time range. */
import { clock, count, shortCount } from "../data/time";
import { useViewer } from "../state";
import { categoryClass } from "../ui/category";
import { Icon } from "../ui/icon";
import { valuesOf, withValues } from "./text";

const ORDER = ["console", "network", "page", "tab", "interaction", "system"];

export function Chips() {
  const viewer = useViewer();
  const session = viewer.session.value;
  const text = viewer.draft.value;
  const chosen = valuesOf(text, "category");
  const severity = valuesOf(text, "severity")[0];
  const counts = session?.categories ?? {};
  const names = Object.keys(counts).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const range = viewer.range.value;

  const toggleCategory = (name: string) => {
    const next = chosen.includes(name) ? chosen.filter((c) => c !== name) : [...chosen, name];
    viewer.applyFilter(withValues(text, "category", next));
  };
  const toggleSeverity = (name: string) => {
    viewer.applyFilter(withValues(text, "severity", severity === name ? [] : [name]));
  };
  const errors = session?.severities.error ?? 0;
  const warnings = (session?.severities.warn ?? 0) + errors;
  return (
    <div class="chips" role="toolbar" aria-label="Quick filters">
      <button
        type="button"
        class="chip error"
        aria-pressed={severity === "error"}
        onClick={() => toggleSeverity("error")}
      >
        <span class="chip-dot" />
        Errors <Count n={errors} />
      </button>
      <button
        type="button"
        class="chip warn"
        aria-pressed={severity === "warn"}
        onClick={() => toggleSeverity("warn")}
        title="Warnings and errors"
      >
        <span class="chip-dot" />
        Warnings <Count n={warnings} />
      </button>
      <span class="chips-rule" />
      {names.map((name) => (
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
            onClick={() => viewer.setRange(null)}
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

function Count({ n }: { n: number }) {
  return (
    <span class="chip-count" title={count(n)}>
      {shortCount(n)}
    </span>
  );
}

function rank(name: string): number {
  const at = ORDER.indexOf(name);
  return at < 0 ? ORDER.length : at;
}
