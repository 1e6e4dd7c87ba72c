/** How much of a value is shown, by level. */

import type { HookConfig } from "../protocol.ts";

export interface Limits {
  /** Levels of objects below an argument. */
  depth: number;
  /** Entries of one object. */
  width: number;
  /** Characters of one string. */
  string: number;
  /** Characters of the whole, the JSON of it. */
  total: number;
  /** Milliseconds for the whole. */
  millis: number;
}

export function limitsOf(config: HookConfig): Limits {
  return config.console === "standard"
    ? { depth: 3, width: 30, string: 2_000, total: minimum(16_000, config.max_event_bytes), millis: 4 }
    : { depth: 6, width: 200, string: 64_000, total: minimum(256_000, config.max_event_bytes), millis: 16 };
}

/** For the detail of an event that is recorded at `standard`: it may never be asked for, so it takes less time. */
export function limitsOfDetail(config: HookConfig): Limits {
  return { depth: 6, width: 200, string: 16_000, total: minimum(64_000, config.max_event_bytes), millis: 4 };
}

/** For arguments that serve the text only, which shows no more of them. */
export function limitsOfText(config: HookConfig): Limits {
  const string = config.console === "minimal" ? 200 : 2_000;
  return { depth: 3, width: 11, string, total: minimum(16_000, config.max_event_bytes), millis: 4 };
}

/** For another try: what takes long was tried already. */
export function within({ depth, width, string }: Limits, total: number): Limits {
  return { depth, width, string, total, millis: 1 };
}

function minimum(a: number, b: number): number {
  return a < b ? a : b;
}
