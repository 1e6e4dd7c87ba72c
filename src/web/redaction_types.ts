/** Types of the rules by which secrets are found, and of a trial on a text. */

/** Changes to the built-in rules of redaction; docs/redaction.md describes each field. */
export interface RedactionRules {
  /** Ids of rules that are silenced. */
  disable?: string[];
  /** Ids of rules that are off unless they are named here: `email`. */
  enable?: string[];
  /** Names whose values are secrets; at most 32. */
  names?: RedactionNameRule[];
  /** Texts that are secrets wherever they are; at most 32. */
  shapes?: RedactionShapeRule[];
}

/** The values of these names are secrets: `{"acme_sid": …}`, `?acme_sid=…`, `acme_sid: …`. */
export interface RedactionNameRule {
  /** The name under which it is counted and silenced. */
  id: string;
  /** At most 16, of 3 to 48 ASCII characters. Case, `-`, `_`, `.` and blanks do not count. */
  names: string[];
  /** The part of a written name that must be equal: all of it, its last word (the default), or its end. */
  match?: "exact" | "word" | "suffix";
  /** The places in which the name counts; everywhere when absent. */
  in?: ("json" | "url" | "text")[];
  /** Fewest bytes of the value; 1 when absent. */
  min_length?: number;
}

/** A text that begins with a prefix is a secret. */
export interface RedactionShapeRule {
  /** The name under which it is counted and silenced. */
  id: string;
  /** 3 to 48 ASCII characters with a letter among them. */
  prefix: string;
  /** The characters after the prefix, as in `A-Za-z0-9_-`, the default. */
  charset?: string;
  /** Fewest characters after the prefix; 16 when absent. */
  min_length?: number;
  /** Most characters after the prefix; 255 when absent. */
  max_length?: number;
}

/** The rules of one id. */
export interface RedactionRule {
  id: string;
  enabled: boolean;
  enabled_by_default: boolean;
  /** Names whose values they replace. */
  names: string[];
  /** Descriptions of the texts that they replace wherever those are. */
  shapes: string[];
}

/** The result of trying the rules on a text. */
export interface RedactionTrial {
  /** The text without its secrets. JSON comes back without white space between its tokens. */
  text: string;
  /** The secrets that were replaced, in their order in the text. */
  replaced: { rule: string; secret: string; placeholder: string }[];
}
