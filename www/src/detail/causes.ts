/** The records that an event came from, by their links: see `docs/causes.md`. */
import type { Event } from "../../../src/web/types";
import { isGap, type LineRecord } from "../data/record";

/** The name by which the `cause_id` of other events refers to this one. */
function nameAsCause({ type, source }: Event): string | undefined {
  if (type === "network.request" || type === "network.call") return source.metadata?.request_id;
  if (type === "page.navigation_started") return source.metadata?.navigation_id;
  return source.metadata?.interaction_id;
}

/** Returns the seqs of the causes of `event` among `before`, records of its tab in causal order. */
export function causesOf(event: Event, before: LineRecord[]): Set<number> {
  const names = new Set<string>();
  const add = ({ source }: Event): void => {
    for (const key of ["cause_id", "request_id"]) {
      const name = source.metadata?.[key];
      if (name !== undefined) names.add(name);
    }
  };
  add(event);
  const found = new Set<number>();
  for (const record of [...before].reverse()) {
    if (isGap(record) || record.event === event) continue;
    const name = nameAsCause(record.event);
    if (name === undefined || !names.has(name)) continue;
    found.add(record.seq);
    add(record.event);
  }
  return found;
}
