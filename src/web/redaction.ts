/** The rules by which secrets are found: what a person adds and silences, and a trial on a text. */
import { checked } from "./kinds.ts";
import type { RedactionRule, RedactionRules, RedactionTrial } from "./redaction_types.ts";
import { SIGNATURES } from "./signatures.ts";
import { attempt, type Instance, instance } from "./wasm.ts";

export type {
  RedactionNameRule,
  RedactionRule,
  RedactionRules,
  RedactionShapeRule,
  RedactionTrial,
} from "./redaction_types.ts";

/** @internal No changes to the built-in rules, as the core reads them. */
export const NO_RULES = "{}";

/** Returns every rule, built-in ones first. Throws `invalid_redaction`, which names the wrong field. */
export function redactionRules(rules?: RedactionRules): RedactionRule[] {
  const [read = NO_RULES] = checked(SIGNATURES.redactionRules, rules);
  return asked(({ glue }) => glue.redactionRules(read));
}

/**
 * Redacts a text as an event's `data` would be: a JSON object or array as such, any other text as one string. Throws
 * `invalid_redaction`.
 */
export function tryRedaction(text: string, rules?: RedactionRules): RedactionTrial {
  const [tried, read = NO_RULES] = checked(SIGNATURES.tryRedaction, text, rules);
  return asked(({ glue }) => glue.tryRedaction(read, tried));
}

function asked<T>(ask: (home: Instance) => string): T {
  const home = instance();
  return attempt(home, () => JSON.parse(ask(home)));
}
