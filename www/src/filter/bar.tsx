/**
 * The filter bar: the Selector's text form in one field, its terms coloured in place, with completion.
 *
 * The colouring lies behind a transparent field of the same metrics, so that the field stays an ordinary
 * one for the keyboard, for screen readers and for the clipboard.
 */
import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useViewer } from "../state";
import { Icon } from "../ui/icon";
import { IconButton } from "../ui/icon_button";
import "./bar.css";
import { type Completion, completions, isUnfinished } from "./complete";
import { knownTo } from "./known";
import { terms } from "./text";

export function FilterBar({ field }: { field: { current: HTMLInputElement | null } }) {
  const viewer = useViewer();
  const open = useSignal(false);
  const chosen = useSignal(-1);
  const caret = useSignal(0);
  const back = useRef<HTMLDivElement>(null);
  const text = viewer.view.draft.value;
  const offered = open.value ? completions(text, caret.value, knownTo(viewer)) : [];
  const problem = viewer.view.feed.value?.error.value;
  const refused =
    problem?.code === "bad_query" && text.trim() === viewer.view.q.value
      ? withoutColumn(problem.message)
      : null;

  const sync = () => {
    if (field.current !== null && back.current !== null) back.current.scrollLeft = field.current.scrollLeft;
  };
  useLayoutEffect(() => {
    // Reading the place lays the page out, which an empty field does not need.
    if (text !== "") sync();
  }, [text]);

  const take = (completion: Completion) => {
    viewer.view.type(completion.text);
    caret.value = completion.caret;
    chosen.value = -1;
    // After the field has been given the new text.
    requestAnimationFrame(() => field.current?.setSelectionRange(completion.caret, completion.caret));
  };

  const keydown = (event: KeyboardEvent) => {
    const picked = offered[chosen.value];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (offered.length === 0) return;
      const by = event.key === "ArrowDown" ? 1 : -1;
      chosen.value = (chosen.value + by + offered.length + 1) % (offered.length + 1);
      if (chosen.value === offered.length) chosen.value = by > 0 ? 0 : offered.length - 1;
    } else if ((event.key === "Enter" || event.key === "Tab") && picked !== undefined) {
      take(picked);
    } else if (event.key === "Enter") {
      viewer.view.applyFilter();
      open.value = false;
      field.current?.blur();
    } else if (event.key === "Escape") {
      if (offered.length > 0) open.value = false;
      else field.current?.blur();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const moved = () => (caret.value = field.current?.selectionStart ?? text.length);

  return (
    <div class={`filter${refused === null ? "" : " refused"}`}>
      <Icon name="search" />
      <div class="filter-field">
        <div class="filter-back" ref={back} aria-hidden="true">
          <Coloured text={text} />
        </div>
        <input
          ref={field}
          type="text"
          role="combobox"
          aria-label="Filter events"
          aria-expanded={offered.length > 0}
          aria-controls="completions"
          aria-autocomplete="list"
          aria-activedescendant={chosen.value >= 0 ? `completion-${chosen.value}` : undefined}
          aria-invalid={refused !== null}
          aria-describedby={refused === null ? undefined : "filter-problem"}
          placeholder="Filter: severity:warn  status:4xx  or any words"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={text}
          onInput={(event) => {
            const { value, selectionStart } = event.currentTarget;
            const typedTo = selectionStart ?? value.length;
            viewer.view.type(value, isUnfinished(value, typedTo, knownTo(viewer)));
            open.value = true;
            chosen.value = -1;
            moved();
          }}
          onKeyDown={keydown}
          onKeyUp={moved}
          onClick={() => {
            moved();
            open.value = true;
          }}
          onFocus={() => {
            open.value = true;
            moved();
          }}
          onBlur={() => {
            open.value = false;
            chosen.value = -1;
            viewer.view.applyFilter();
          }}
          onScroll={sync}
        />
      </div>
      {text === "" ? (
        <span class="kbd filter-hint" aria-hidden="true">
          /
        </span>
      ) : (
        <IconButton
          icon="close"
          label="Clear the filter"
          title="Clear"
          onClick={() => viewer.view.applyFilter("")}
        />
      )}
      <div class="filter-below">
        {refused === null ? null : (
          <p class="filter-problem" id="filter-problem" role="alert">
            {refused}
          </p>
        )}
        {offered.length > 0 && (
          <div class="completions" id="completions" role="listbox" aria-label="Completions">
            {offered.map((completion, i) => (
              <div
                key={completion.label}
                id={`completion-${i}`}
                role="option"
                tabIndex={-1}
                aria-selected={i === chosen.value}
                onMouseDown={(event) => {
                  event.preventDefault();
                  take(completion);
                }}
              >
                <span class="mono">{completion.label}</span>
                <span class="dim">{completion.about}</span>
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}

/** Cuts the place off an error of the Selector: the bar has one line, which the error is about. */
function withoutColumn(message: string): string {
  return message.replace(/^column \d+: /, "");
}

function Coloured({ text }: { text: string }) {
  const parts = [];
  let done = 0;
  for (const term of terms(text)) {
    parts.push(text.slice(done, term.start));
    const raw = text.slice(term.start, term.end);
    const isWord = term.key === "";
    parts.push(
      <span key={term.start} class={isWord ? undefined : term.negated ? "term negated" : "term"}>
        {raw}
      </span>,
    );
    done = term.end;
  }
  parts.push(text.slice(done));
  return <>{parts}</>;
}
