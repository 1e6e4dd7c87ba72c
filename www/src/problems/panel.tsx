/** The problems above the list: errors in groups, and under the open one the steps of its tab before it. */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Problem, Step } from "../data/problems";
import { clock, count, duration } from "../data/time";
import { openedProblem, showStep } from "../select";
import { useViewer } from "../state";
import "./panel.css";

const WORDS: Record<string, string> = {
  "network.response": "response",
  "network.failed": "request",
  "page.csp_violation": "policy violation",
  "page.navigation_failed": "navigation",
  "page.resource_failed": "resource",
};

const NEW = { deploy: "new since deploy", session: "new in this session", navigation: "new on this page" };

export function ProblemsPanel() {
  const viewer = useViewer();
  const { problems } = viewer;
  const withNoise = useSignal(false);
  const all = problems.inView.value;
  const opened = openedProblem(viewer);
  const noise = all.filter(({ isNoise }) => isNoise);
  const shown = withNoise.value ? all : all.filter((problem) => !problem.isNoise || problem === opened);
  const error = problems.error.value;
  if (!problems.isOpen.value || (all.length === 0 && error === null)) return null;
  return (
    <section class="problems" aria-label="Problems">
      {error === null ? null : <p class="problems-note">The problems cannot be read: {error}</p>}
      <ol>
        {shown.map((problem) => (
          <Entry
            key={problem.key}
            problem={problem}
            isOpen={problem === opened}
            toggle={() => (problems.opened.value = problem === opened ? "" : problem.key)}
          />
        ))}
      </ol>
      {noise.length === 0 ? null : (
        <button
          type="button"
          class="problems-note"
          aria-expanded={withNoise.value}
          onClick={() => (withNoise.value = !withNoise.value)}
        >
          {withNoise.value ? "Hide" : "Show"} {count(noise.length)}{" "}
          {noise.length === 1 ? "group that rarely matters" : "groups that rarely matter"}
        </button>
      )}
      {problems.found.value.isPartial ? (
        <p class="problems-note">
          There are more errors than this list groups. Filter for older ones with <code>until:</code>.
        </p>
      ) : null}
    </section>
  );
}

interface EntryProps {
  problem: Problem;
  isOpen: boolean;
  toggle: () => void;
}

function Entry({ problem, isOpen, toggle }: EntryProps) {
  const { error, before } = problem;
  const entry = useRef<HTMLLIElement>(null);
  const viewer = useViewer();
  const wasChosen = isOpen && viewer.problems.opened.value !== null;
  useLayoutEffect(() => {
    if (wasChosen) entry.current?.scrollIntoView({ block: "nearest" });
  }, [wasChosen]);
  return (
    <li ref={entry} class={`problem${problem.isError ? "" : " is-warning"}${problem.isNoise ? " dim" : ""}`}>
      <button type="button" class="problem-head" aria-expanded={isOpen} title={error.text} onClick={toggle}>
        <span class="sr">{problem.isError ? "error " : "warning "}</span>
        <span class="problem-text">{firstLine(error.text)}</span>
        <span class="problem-facts">
          {problem.count > 1 ? `×${count(problem.count)} · ` : ""}
          {problem.newSince ? <span class="problem-new">{NEW[problem.newSince]} · </span> : null}
          {clock(problem.lastTs).slice(0, 8)}
        </span>
      </button>
      {isOpen ? (
        <ol class="chain" aria-label="What the tab did">
          {[...before, error].map((step) => (
            <Link key={step.seq} step={step} end={error} />
          ))}
        </ol>
      ) : null}
    </li>
  );
}

/** A step of the chain, with its time before the error. */
function Link({ step, end }: { step: Step; end: Step }) {
  const viewer = useViewer();
  const selected = viewer.selection.selected.value;
  const isHere = selected?.session === step.session && selected.seq === step.seq;
  return (
    <li>
      <button
        type="button"
        class="chain-step"
        aria-current={isHere ? "true" : undefined}
        title={step.text}
        onClick={() => showStep(viewer, step)}
      >
        <span class="chain-time">
          {step === end ? clock(step.ts).slice(0, 12) : `−${duration(Math.max(0, end.ts - step.ts))}`}
        </span>
        <span class="chain-type">{WORDS[step.type] ?? step.type.slice(step.type.indexOf(".") + 1)}</span>
        <span class="chain-text">{firstLine(step.text)}</span>
      </button>
    </li>
  );
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
