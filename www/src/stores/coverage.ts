/** The coverage of the open session: when a recorder watched it, and for which categories. */
import { type Signal, signal } from "@preact/signals";
import { type Coverage, mergeCoverage, NO_COVERAGE, RESTARTS_QUERY, restartsFrom } from "../data/coverage";
import { ALL_SESSIONS, type DataSource, type SessionSummary } from "../data/source";

const MOST_RESTARTS = 500;

export class CoverageStore {
  readonly current: Signal<Coverage> = signal(NO_COVERAGE);
  #read = "";

  constructor(private readonly source: DataSource) {}

  reset(): void {
    this.current.value = NO_COVERAGE;
    this.#read = "";
  }

  /** Reads the coverage of a session, if its system events have grown since the last time. */
  async refresh(session: SessionSummary | null): Promise<void> {
    if (session === null) return;
    const stamp = `${session.id} ${session.categories.system ?? 0}`;
    if (stamp === this.#read) return;
    this.#read = stamp;
    const [bySession, { lines }] = await Promise.all([
      this.source.coverage(session.id),
      this.source.read({ session: session.id, q: RESTARTS_QUERY }, null, MOST_RESTARTS),
    ]);
    if (this.#read !== stamp) return;
    const watching = mergeCoverage(bySession.values());
    const last = watching.watched.at(-1);
    // Over all sessions, another one may begin at any time.
    const ended = session.id !== ALL_SESSIONS && last !== undefined && last.to_ts !== null;
    this.current.value = { ...watching, restarts: restartsFrom(lines), ended };
  }
}
