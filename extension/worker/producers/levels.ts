/**
 * The detail fields: what each level adds to the one below it.
 *
 * `raw` is the producer's own payload, which replaces the rest.
 */

import type { CaptureConfig, DetailLevel } from "../../../src/web/types.ts";
import { isAtLeast } from "../../capture.ts";

type Fields = Record<string, unknown>;

export interface FieldsByLevel {
  minimal?: Fields;
  standard?: Fields;
  verbose?: Fields;
  raw?: unknown;
}

export function fieldsAtLevel(level: DetailLevel, fields: FieldsByLevel): unknown {
  if (level === "raw" && fields.raw !== undefined) return fields.raw;
  const data: Fields = { ...fields.minimal };
  if (isAtLeast(level, "standard")) Object.assign(data, fields.standard);
  if (isAtLeast(level, "verbose")) Object.assign(data, fields.verbose);
  return data;
}

/** The level at which a category is recorded, or null when it is not. */
export function levelOf(config: CaptureConfig, category: string): DetailLevel | null {
  const settings = config.categories[category];
  if (settings === undefined) return "standard";
  return settings.enabled ? settings.detail_level : null;
}
