/**
 * The levels and limits of the capture config that the parts of the extension share: each bundle has them without the
 * core, which runs in the worker only.
 */
import type { DetailLevel } from "../src/web/types.ts";

/** The categories that are observed in the page. */
export type InPageCategory = "console" | "network" | "page" | "interaction";

export type Level = "off" | DetailLevel;

const RANK: Record<Level, number> = { off: -1, minimal: 0, standard: 1, verbose: 2, raw: 3 };

export function isAtLeast(level: Level, least: DetailLevel): boolean {
  return RANK[level] >= RANK[least];
}

/** Most bytes of one event's content by default. A test compares the core's defaults (src/config) with them. */
export const EVENT_BYTES = 65_536;
export const NETWORK_EVENT_BYTES = 262_144;

/** Characters of a console line's text at `minimal`. */
export const MINIMAL_TEXT = 120;
