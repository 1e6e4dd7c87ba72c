/** The name of a session: when it began, on which sites, and how much went wrong. */
import type { SessionSummary } from "../data/source";
import { count, dayOf } from "../data/time";

/** `Today 14:02, localhost:5173 and 2 more, 3 errors`. */
export function nameOf(
  { producer, first_ts, severities }: SessionSummary,
  sites: string[],
  now: number,
): string {
  const [site] = sites;
  const others = sites.length > 1 ? ` and ${sites.length - 1} more` : "";
  const { error } = severities;
  return [
    first_ts === null ? "Empty" : dayOf(first_ts, now),
    producer,
    site === undefined ? "" : `${site}${others}`,
    error === 0 ? "" : error === 1 ? "1 error" : `${count(error)} errors`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}
