/** Decides which console calls are recorded with their stack. */
import type { HookConfig } from "../protocol.ts";

/** Stack frames come with these at `standard`, with every method at `verbose`: finding them costs more than the rest. */
export function wantsStack(method: string, level: HookConfig["console"]): boolean {
  if (level === "minimal") return false;
  if (level !== "standard") return true;
  return method === "warn" || method === "error" || method === "trace" || method === "assert";
}
