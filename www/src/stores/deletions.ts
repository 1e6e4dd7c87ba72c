/** Notices that records of the open session were deleted since its list began to be read. */
import type { SessionSummary } from "../data/source";
import { deletedIn } from "./sessions";

export class Deletions {
  /** How many records had been deleted; null until counted. */
  #before: { session: string; count: number | null } | null = null;

  /** The list of a session begins to be read. */
  begin(id: string, session: SessionSummary | null): void {
    // While the same session is counted anew, the last count holds: later deletions are still to be seen.
    const before = this.#before?.session === id ? this.#before.count : null;
    this.#before = { session: id, count: deletedIn(session) ?? before };
  }

  /** Whether records were deleted that the list may contain. */
  haveGrown(session: SessionSummary | null): boolean {
    const count = deletedIn(session);
    if (count === null || this.#before === null) return false;
    const before = this.#before.count;
    this.#before.count ??= count;
    return before !== null && count > before;
  }
}
