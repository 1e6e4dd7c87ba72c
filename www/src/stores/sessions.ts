/** The sessions of the store, newest first, read again while the page is visible. */
import { batch, type Signal, signal } from "@preact/signals";
import { type DataSource, type SessionSummary, SourceError } from "../data/source";

export class Sessions {
  /** Null until the source has answered. */
  readonly list: Signal<SessionSummary[] | null> = signal(null);
  /** Why the last request failed; null after a success. */
  readonly error: Signal<SourceError | null> = signal(null);

  constructor(private readonly source: DataSource) {}

  /** Reads the sessions again, and calls `onListed` before anything is rendered by the new list. */
  async refresh(onListed: () => void = () => {}): Promise<void> {
    try {
      const sessions = await this.source.sessions();
      sessions.sort((a, b) => (b.last_ts ?? 0) - (a.last_ts ?? 0));
      batch(() => {
        this.error.value = null;
        this.list.value = sessions;
        onListed();
      });
    } catch (error) {
      this.fail(error);
    }
  }

  /** Reports a request about sessions that failed. */
  fail(cause: unknown): void {
    this.error.value =
      cause instanceof SourceError ? cause : new SourceError(String(cause), "failed", { cause });
  }

  find(id: string | null): SessionSummary | null {
    return this.list.value?.find((session) => session.id === id) ?? null;
  }

  /** The newest session that has events, or null. */
  get newest(): SessionSummary | null {
    return this.list.value?.find((session) => session.events > 0) ?? null;
  }
}

/** Returns how many seqs of a session are covered by gaps. */
export function missingIn(session: SessionSummary | null): number {
  return session === null ? 0 : Object.values(session.gaps).reduce((sum, n) => sum + n, 0);
}

/** Returns how many records of a session were deleted, or null while it is not fully counted. */
export function deletedIn(session: SessionSummary | null): number | null {
  return session?.counted ? (session.gaps.deleted ?? 0) : null;
}
