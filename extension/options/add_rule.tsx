/** The form that adds a rule. The core checks the rule; its message is shown as it is. */
import { useSignal } from "@preact/signals";
import { typedInto } from "../../www/src/ui/typed.ts";
import { add } from "./state.ts";

const KINDS = {
  names: { label: "Values of these names", hint: "acme_sid, x-acme-ref" },
  prefix: { label: "Texts that begin with", hint: "acme_" },
} as const;

type Kind = keyof typeof KINDS;

export function AddRule() {
  const kind = useSignal<Kind>("names");
  const id = useSignal("");
  const text = useSignal("");
  const length = useSignal("16");
  const refused = useSignal<string | null>(null);
  const submit = async () => {
    const rule =
      kind.value === "names"
        ? { id: id.value.trim(), names: split(text.value) }
        : { id: id.value.trim(), prefix: text.value.trim(), min_length: Number(length.value) };
    refused.value = await add(rule);
    if (refused.value === null) id.value = text.value = "";
  };
  return (
    <form
      class="add"
      aria-label="Add a rule"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <select
        aria-label="Kind of rule"
        value={kind.value}
        onChange={(event) => (kind.value = event.currentTarget.value as Kind)}
      >
        {Object.entries(KINDS).map(([name, { label }]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <input
        class="grow"
        aria-label={KINDS[kind.value].label}
        placeholder={KINDS[kind.value].hint}
        value={text.value}
        onInput={typedInto(text)}
      />
      {kind.value === "prefix" ? (
        <label>
          followed by at least
          <input
            type="number"
            class="number"
            min={1}
            max={4096}
            value={length.value}
            onInput={typedInto(length)}
          />
          characters
        </label>
      ) : null}
      <input
        aria-label="Id of the rule"
        placeholder="id, as acme_session"
        value={id.value}
        onInput={typedInto(id)}
      />
      <button type="submit">Add rule</button>
      {refused.value === null ? null : (
        <p class="problem" role="alert">
          {refused.value}
        </p>
      )}
    </form>
  );
}

function split(names: string): string[] {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
