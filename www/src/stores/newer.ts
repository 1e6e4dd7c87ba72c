/** The session that began after the open one, as long as the open one was the newest when it was opened. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ALL_SESSIONS, type SessionSummary } from "../data/source";
import type { CoverageStore } from "./coverage";
import type { Sessions } from "./sessions";

export class NewerSession {
  /**
   * A session of the same producer that began after the last record of the open one. If the open one has ended, its
   * successor may contain older records, because pages report long frames late; then the order of ids decides.
   */
  readonly found: ReadonlySignal<SessionSummary | null>;
  /** The session that was the newest when it was opened: a newer one is reported only while it is open. */
  readonly #openedAsNewest: Signal<string | null> = signal(null);

  constructor(
    private readonly sessions: Sessions,
    coverage: CoverageStore,
    session: ReadonlySignal<SessionSummary | null>,
  ) {
    this.found = computed(() => {
      const open = session.value;
      const newest = sessions.list.value?.find((s) => s.producer === open?.producer) ?? null;
      if (open === null || open.id === ALL_SESSIONS || newest === null || newest.id === open.id) return null;
      const isAfter = (newest.first_ts ?? 0) >= (open.last_ts ?? 0);
      const succeeds = coverage.current.value.ended && newest.id > open.id;
      return (isAfter || succeeds) && this.#openedAsNewest.value === open.id ? newest : null;
    });
  }

  opened(id: string): void {
    if (this.sessions.newest?.id === id) this.#openedAsNewest.value = id;
  }
}
