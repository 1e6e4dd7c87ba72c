/** Chips that filter by severity or category, each with its count, and the chosen time range. */
import type { ComponentChildren } from "preact";
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
        <Chip key={mode} isOn={viewer.mode.value === mode} toggle={() => viewer.show(mode)}>
          {label}
        </Chip>
      ))}
      {viewer.problems.isAvailable ? <ProblemsChip /> : null}
      <span class="chips-rule" />
      <Chip colour="error" isOn={severities.errors} toggle={() => toggleSeverity("errors")}>
        Errors <Count n={session?.severities.error ?? 0} />
      </Chip>
      <Chip colour="warn" isOn={severities.warnings} toggle={() => toggleSeverity("warnings")}>
        Warnings <Count n={session?.severities.warn ?? 0} />
      </Chip>
      {isNetwork ? null : <span class="chips-rule" />}
      {(isNetwork ? [] : names).map((name) => (
        <Chip
          key={name}
          colour={categoryClass(name)}
          isOn={chosen.includes(name)}
          toggle={() => toggleCategory(name)}
        >
          {name} <Count n={counts[name] ?? 0} />
        </Chip>
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

interface ChipProps {
  /** The class that colours its dot. */
  colour?: string;
  isOn: boolean;
  toggle: () => void;
  children: ComponentChildren;
}

function Chip({ colour, isOn, toggle, children }: ChipProps) {
  return (
    <button type="button" class={`chip ${colour ?? ""}`} aria-pressed={isOn} onClick={toggle}>
      {colour === undefined ? null : <span class="chip-dot" />}
      {children}
    </button>
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
