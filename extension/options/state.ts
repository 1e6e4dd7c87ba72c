/** The options page's state: the rules that the worker has stored, and what the core says of them. */
import { type Signal, signal } from "@preact/signals";
import init, { type RedactionRule, type RedactionRules, redactionRules } from "../../src/web/index.ts";
import { command } from "../popup/command.ts";

export const rules: Signal<RedactionRules> = signal({});
/** Every rule, built-in and added; null until the core is loaded. */
export const overview: Signal<RedactionRule[] | null> = signal(null);
/** The rules that were not added by a person. */
export const builtIn: Signal<ReadonlySet<string>> = signal(new Set());
export const problem: Signal<string | null> = signal(null);

export async function begin(): Promise<void> {
  try {
    await init(chrome.runtime.getURL("tabtape.wasm"));
    builtIn.value = new Set(redactionRules().map(({ id }) => id));
    await refresh();
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

/** Reads the rules again: another page may have changed them. */
export async function refresh(): Promise<void> {
  const { redaction } = await command({ command: "status" });
  const known = redactionRules(redaction);
  rules.value = redaction;
  overview.value = known;
}

/** Puts the built-in rules in the place of stored ones that the core refuses, as after an update that removed a rule. */
export async function useBuiltIn(): Promise<void> {
  problem.value = await store({});
}

/** Stores rules, which hold from the next event on. Returns why they were refused; null if they were not. */
async function store(changed: RedactionRules): Promise<string | null> {
  try {
    await command({ command: "redact", rules: changed });
    await refresh();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export async function setEnabled(rule: RedactionRule, on: boolean): Promise<void> {
  const without = (ids: string[] = []) => ids.filter((id) => id !== rule.id);
  const disable = without(rules.value.disable);
  const enable = without(rules.value.enable);
  if (on && !rule.enabled_by_default) enable.push(rule.id);
  if (!on && rule.enabled_by_default) disable.push(rule.id);
  problem.value = await store({ ...rules.value, disable, enable });
}

/** A rule as it is typed in: of names, or of a prefix. */
export type Added = { id: string; names: string[] } | { id: string; prefix: string; min_length: number };

/** Adds a rule. Returns why it was refused. */
export async function add(rule: Added): Promise<string | null> {
  if (overview.value?.some(({ id }) => id === rule.id))
    return `There already is a rule with the id ${rule.id}. Choose another one.`;
  const { names = [], shapes = [] } = rules.value;
  return store(
    "prefix" in rule
      ? { ...rules.value, shapes: [...shapes, rule] }
      : { ...rules.value, names: [...names, rule] },
  );
}

/** Removes the rules of an id, and its switch. */
export async function remove(id: string): Promise<void> {
  const { names = [], shapes = [], disable = [], enable = [] } = rules.value;
  problem.value = await store({
    names: names.filter((rule) => rule.id !== id),
    shapes: shapes.filter((rule) => rule.id !== id),
    disable: disable.filter((other) => other !== id),
    enable: enable.filter((other) => other !== id),
  });
}
