/** Tries the rules on a text: what is left of it, and which rule replaced what. */
import { useSignal } from "@preact/signals";
import { type RedactionTrial, tryRedaction } from "../../src/web/redaction.ts";
import { typedInto } from "../../www/src/ui/typed.ts";
import { rules } from "./state.ts";

export function Trial() {
  const text = useSignal("");
  return (
    <section aria-labelledby="trial">
      <h2 id="trial">Try a text</h2>
      <textarea
        aria-label="Text or JSON to try"
        placeholder={'password=hunter2, or JSON: {"token": "…"}'}
        rows={3}
        spellcheck={false}
        autocomplete="off"
        value={text.value}
        onInput={typedInto(text)}
      />
      {text.value === "" ? (
        <p class="quiet">What you type is neither stored nor sent.</p>
      ) : (
        <Result trial={tryRedaction(text.value, rules.value)} />
      )}
    </section>
  );
}

function Result({ trial: { text, replaced } }: { trial: RedactionTrial }) {
  return (
    <div role="status">
      <output aria-label="Redacted text">{text}</output>
      {replaced.length === 0 ? <p class="quiet">No rule replaces anything in it.</p> : null}
      {replaced.length === 0 ? null : (
        <table>
          <thead>
            <tr>
              <th>rule</th>
              <th>replaces</th>
              <th>by</th>
            </tr>
          </thead>
          <tbody>
            {replaced.map(({ rule, secret, placeholder }, at) => (
              <tr key={`${at} ${rule}`}>
                <td>
                  <code>{rule}</code>
                </td>
                <td class="secret">{secret}</td>
                <td class="placeholder">{placeholder}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
