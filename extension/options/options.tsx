/** The options page: the rules of redaction, a person's own rules, a trial on a text, and retroactive detail. */
import { render } from "preact";
import "../../www/src/theme.css";
import type { RedactionRule } from "../../src/web/redaction.ts";
import { Switch } from "../popup/switch.tsx";
import { AddRule } from "./add_rule.tsx";
import { Details } from "./details.tsx";
import "./options.css";
import { begin, builtIn, overview, problem, refresh, remove, setEnabled, useBuiltIn } from "./state.ts";
import { Trial } from "./trial.tsx";

function Options() {
  const known = overview.value;
  return (
    <>
      <header>
        <h1>Redaction</h1>
        <p class="quiet">
          Secrets are replaced before an event is stored or sent. A change holds from the next event on; what
          is stored already stays as it is.
        </p>
      </header>
      {problem.value === null ? null : (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {known === null && builtIn.value.size > 0 && problem.value !== null ? (
        <p>
          <button type="button" onClick={() => void useBuiltIn()}>
            Use the built-in rules
          </button>
        </p>
      ) : null}
      {known === null ? null : (
        <>
          <Trial />
          <section aria-labelledby="own">
            <h2 id="own">Your rules</h2>
            <Rules rules={known.filter(({ id }) => !builtIn.value.has(id))} isOwn />
            <AddRule />
          </section>
          <section aria-labelledby="built-in">
            <h2 id="built-in">Built-in rules</h2>
            <Rules rules={known.filter(({ id }) => builtIn.value.has(id))} />
          </section>
        </>
      )}
      <Details />
    </>
  );
}

function Rules({ rules, isOwn = false }: { rules: RedactionRule[]; isOwn?: boolean }) {
  return (
    <ul class="rules">
      {rules.map((rule) => (
        <li key={rule.id} class={rule.enabled ? undefined : "off"}>
          <code>{rule.id}</code>
          <span class="what">{described(rule)}</span>
          {isOwn ? (
            <button type="button" aria-label={`Remove rule ${rule.id}`} onClick={() => void remove(rule.id)}>
              Remove
            </button>
          ) : null}
          <Switch label={`Rule ${rule.id}`} on={rule.enabled} change={(on) => void setEnabled(rule, on)} />
        </li>
      ))}
    </ul>
  );
}

function described({ names, shapes }: RedactionRule): string {
  return [...names, ...shapes].join(", ");
}

const root = document.getElementById("options");
if (root !== null) render(<Options />, root);
void begin();
addEventListener("focus", () => {
  if (overview.value !== null) void refresh().catch(() => {});
});
