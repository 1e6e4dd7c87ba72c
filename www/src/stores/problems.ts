/**
 * The problems of what is in view: read from the source again when the number of its errors or warnings changes.
 *
 * A request takes time in a large store, so it is made at most for a tenth of the time.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Diagnosis, Problem } from "../data/problems";
import type { Range } from "../data/range";
import { type DataSource, type SessionSummary, SourceError } from "../data/source";
import { deletedIn } from "./sessions";
import type { View } from "./view";

const KEY = "tabtape.problems";
const REST_SHARE = 9;
const NONE: Diagnosis = { problems: [], isPartial: false };

export class Problems {
  readonly isAvailable: boolean;
  /** Whether the panel is shown when there are problems. The choice is stored in this browser. */
  readonly isOpen: Signal<boolean> = signal(localStorage.getItem(KEY) !== "closed");
  readonly found: Signal<Diagnosis> = signal(NONE);
  /** Why the last request failed; null after a success. */
  readonly error: Signal<string | null> = signal(null);
  /** The problems of the time range in view. */
  readonly inView: ReadonlySignal<Problem[]> = computed(() => {
    const { value: range } = this.view.range;
    return this.found.value.problems.filter((problem) => range === null || isIn(problem, range));
  });
  /** The problem whose chain is shown, or null for the first one. */
  readonly opened: Signal<string | null> = signal(null);

  /** The query that was read last, with its number of errors. */
  #read = "";
  #subject = "";
  #isReading = false;
  #restUntil = 0;

  constructor(
    private readonly source: DataSource,
    private readonly view: View,
  ) {
    this.isAvailable = source.problems !== undefined;
  }

  toggle(): void {
    this.isOpen.value = !this.isOpen.value;
    localStorage.setItem(KEY, this.isOpen.value ? "open" : "closed");
  }

  /** Reads the problems of a session, if they can have changed since the last time. */
  async refresh(session: SessionSummary | null): Promise<void> {
    const { source, view } = this;
    if (session === null || source.problems === undefined) return;
    const query = { session: session.id, q: view.q.value };
    const subject = `${query.session} ${query.q}`;
    if (subject !== this.#subject) this.#forget(subject);
    const { error, warn } = session.severities;
    // A token that is bound to a selector receives no numbers.
    const isCounted = session.latest_seq > 0;
    const grown = isCounted ? `${error} ${warn} ${deletedIn(session)}` : `${view.feed.value?.length}`;
    const stamp = `${subject} ${grown}`;
    if (stamp === this.#read || view.pausedAt.value !== null) return;
    if (this.#isReading || performance.now() < this.#restUntil) return;
    this.#isReading = true;
    const began = performance.now();
    try {
      const found = isCounted && error + warn === 0 ? NONE : await source.problems(query);
      if (subject !== this.#subject) return;
      this.#read = stamp;
      batch(() => {
        this.error.value = null;
        this.found.value = found;
      });
    } catch (cause) {
      if (subject !== this.#subject) return;
      // The list reports a filter that cannot be read.
      const isBadQuery = cause instanceof SourceError && cause.code === "bad_query";
      if (isBadQuery) this.#read = stamp;
      else this.error.value = cause instanceof Error ? cause.message : String(cause);
    } finally {
      this.#isReading = false;
      const now = performance.now();
      this.#restUntil = now + (now - began) * REST_SHARE;
    }
  }

  #forget(subject: string): void {
    this.#subject = subject;
    this.#restUntil = 0;
    batch(() => {
      this.found.value = NONE;
      this.error.value = null;
      this.opened.value = null;
    });
  }
}

function isIn({ firstTs, lastTs }: Problem, { from, to }: Range): boolean {
  return firstTs <= to && lastTs >= from;
}
