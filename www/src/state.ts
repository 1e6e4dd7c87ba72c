/**
 * What the viewer is looking at, and the only place that changes it.
 *
 * One `Viewer` owns the source, the open feed, the selection and the address; components read its
 * signals and call its methods.
 */
import {
  batch,
  computed,
  effect,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type AddressState, addressOf, readAddress } from "./address";
import { Dictionary, type Header } from "./data/columns";
import { type Coverage, NO_COVERAGE, RESTARTS_QUERY, restartsFrom, together } from "./data/coverage";
import { Feed } from "./data/feed";
import { Lines } from "./data/lines";
import type { Range } from "./data/range";
import type { LineRecord } from "./data/record";
import { ALL_SESSIONS, type DataSource, type SessionSummary, SourceError } from "./data/source";
import { SourceMaps } from "./detail/sourcemaps";
import { freeWords, withTerm } from "./filter/text";
import { type Rows, rowsOf } from "./rows";
import { allOf } from "./sessions/all";
import { domainOf } from "./timeline/domain";
import { Theme } from "./ui/theme";

const SESSIONS_EVERY_MS = 2_000;
const MOST_RESTARTS = 500;
const TYPING_PAUSE_MS = 220;

export class Viewer {
  readonly sessions: Signal<SessionSummary[] | null> = signal(null);
  readonly sourceError: Signal<SourceError | null> = signal(null);
  readonly sessionId: Signal<string | null> = signal(null);
  /** The filter as it was last applied; `draft` is what stands in the bar. */
  readonly q = signal("");
  readonly draft = signal("");
  readonly range: Signal<Range | null> = signal(null);
  readonly selected: Signal<{ session: string; seq: number } | null> = signal(null);
  readonly compareWith: Signal<string | null> = signal(null);
  readonly detailOpen = signal(false);
  /** Whether the list sticks to its newest row. */
  readonly following = signal(true);
  /** The feed's tail length at which the view was frozen, or null while live. */
  readonly pausedAt: Signal<number | null> = signal(null);
  readonly feed: Signal<Feed | null> = signal(null);
  /** Raised when lines that were asked for have arrived. */
  readonly linesVersion = signal(0);
  readonly toast: Signal<string | null> = signal(null);
  readonly words: ReadonlySignal<string[]> = computed(() => freeWords(this.q.value));
  readonly session: ReadonlySignal<SessionSummary | null> = computed(() => {
    const { value: id } = this.sessionId;
    const { value: sessions } = this.sessions;
    if (id === ALL_SESSIONS) return sessions === null ? null : allOf(sessions);
    return sessions?.find((s) => s.id === id) ?? null;
  });
  /**
   * A session of the same producer that began after the open one got its last record. Where that one has ended, its
   * successor may hold what was observed before: pages tell of their long frames late. Then the order of ids counts.
   */
  readonly newer: ReadonlySignal<SessionSummary | null> = computed(() => {
    const open = this.session.value;
    const newest = this.sessions.value?.find((s) => s.producer === open?.producer) ?? null;
    if (open === null || open.id === ALL_SESSIONS || newest === null || newest.id === open.id) return null;
    const isAfter = (newest.first_ts ?? 0) >= (open.last_ts ?? 0);
    const succeeds = this.coverage.value.ended && newest.id > open.id;
    return (isAfter || succeeds) && this.openedAs.value === open.id ? newest : null;
  });
  /** The session that was the newest when it was opened: whoever chose an old one knows that there are newer. */
  private readonly openedAs: Signal<string | null> = signal(null);
  readonly rows: ReadonlySignal<Rows> = computed(() => {
    const feed = this.feed.value;
    void feed?.version.value;
    return rowsOf(feed, this.range.value, this.pausedAt.value);
  });
  /** When somebody was watching the session. */
  readonly coverage: Signal<Coverage> = signal(NO_COVERAGE);
  /** What the timeline spans. */
  readonly domain: ReadonlySignal<Range> = domainOf(this.session, this.feed);
  readonly theme = new Theme();
  readonly sourceMaps = new SourceMaps();
  readonly lines = new Lines();
  readonly dictionary = new Dictionary();

  /** Called when the source no longer lets this page read. */
  onRefused: () => void = () => {};

  /** Ends the wait of `selectOldest`. */
  private selectingOldest: () => void = () => {};
  private typing: ReturnType<typeof setTimeout> | undefined;
  private toasting: ReturnType<typeof setTimeout> | undefined;
  private coverageOf = "";
  /** How many records of the open session had been deleted when its list began to be read; null until counted. */
  private deletedWhenRead: number | null = null;
  private started = false;
  private readonly stops: (() => void)[] = [];
  private wanted: string | null;

  constructor(readonly source: DataSource) {
    const address = readAddress(location.search);
    this.wanted = address.session;
    this.q.value = address.q;
    this.draft.value = address.q;
    if (address.from !== null && address.to !== null)
      this.range.value = { from: address.from, to: address.to };
    this.compareWith.value = address.compare;
    if (address.session !== null && address.seq !== null) {
      this.selected.value = { session: address.session, seq: address.seq };
      this.detailOpen.value = true;
      this.following.value = false;
    }
  }

  start(): void {
    if (this.started) return;
    this.started = true;
    void this.refreshSessions();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.refreshSessions();
    }, SESSIONS_EVERY_MS);
    const back = () => this.restore(readAddress(location.search));
    addEventListener("popstate", back);
    this.stops.push(
      () => clearInterval(timer),
      () => removeEventListener("popstate", back),
      effect(() => {
        if (this.feed.value?.error.value?.code === "store_changed") untracked(() => this.beginAgain());
      }),
      effect(() => {
        const next = addressOf(this.address());
        if (this.sessions.value !== null && next !== (location.search || "?")) {
          history.replaceState(null, "", next === "?" ? location.pathname : next);
        }
      }),
    );
  }

  stop(): void {
    for (const stop of this.stops) stop();
    this.feed.value?.stop();
  }

  address(): AddressState {
    return {
      session: this.sessionId.value,
      q: this.q.value,
      from: this.range.value?.from ?? null,
      to: this.range.value?.to ?? null,
      seq: this.detailOpen.value ? (this.selected.value?.seq ?? null) : null,
      compare: this.compareWith.value,
    };
  }

  async refreshSessions(): Promise<void> {
    try {
      const sessions = await this.source.sessions();
      sessions.sort((a, b) => (b.last_ts ?? 0) - (a.last_ts ?? 0));
      batch(() => {
        this.sourceError.value = null;
        this.sessions.value = sessions;
      });
      if (this.sessionId.value === null && sessions.length > 0) {
        const { wanted: id } = this;
        const wanted = id === ALL_SESSIONS ? { id } : sessions.find((s) => s.id === id);
        if (id !== null && wanted === undefined) {
          this.say("That session is no longer stored; showing the newest.");
        }
        this.open((wanted ?? sessions.find((s) => s.events > 0) ?? sessions[0])?.id ?? null, this.q.value);
      }
      this.lookForDeleted();
      await this.refreshCoverage();
    } catch (error) {
      const failed =
        error instanceof SourceError ? error : new SourceError(String(error), "failed", { cause: error });
      this.sourceError.value = failed;
      if (failed.code === "unauthorized") this.onRefused();
    }
  }

  /** Reads the session's coverage again when its system events have grown. */
  private async refreshCoverage(): Promise<void> {
    const session = this.session.value;
    if (session === null) return;
    const stamp = `${session.id} ${session.categories.system ?? 0}`;
    if (stamp === this.coverageOf) return;
    this.coverageOf = stamp;
    const [told, { lines }] = await Promise.all([
      this.source.coverage(session.id),
      this.source.read({ session: session.id, q: RESTARTS_QUERY }, null, MOST_RESTARTS),
    ]);
    const watching = together(told.values());
    const last = watching.watched.at(-1);
    // That the last of all sessions has ended says nothing of the next one.
    const ended = session.id !== ALL_SESSIONS && last !== undefined && last.to_ts !== null;
    if (this.sessionId.value === session.id) {
      this.coverage.value = { ...watching, restarts: restartsFrom(lines), ended };
    }
  }

  private lookForDeleted(): void {
    const deleted = deletedOf(this.session.value);
    if (deleted === null) return;
    const { deletedWhenRead } = this;
    this.deletedWhenRead ??= deleted;
    if (deletedWhenRead !== null && deleted > deletedWhenRead) this.readAgain();
  }

  /** Records were deleted: none of them may stay on screen or in memory. */
  private readAgain(): void {
    this.say("Records were deleted; the list is read again.");
    this.lines.clear();
    const { following } = this;
    const stays = following.value;
    batch(() => {
      this.open(this.sessionId.value, this.q.value);
      following.value = stays;
    });
  }

  /** The store behind the collector is another one than before: what was read is no longer true. */
  private beginAgain(): void {
    this.say("The collector has another store now; reading it from its beginning.");
    this.lines.clear();
    this.feed.value?.stop();
    batch(() => {
      this.feed.value = null;
      this.sessionId.value = null;
      this.selected.value = null;
      this.wanted = null;
    });
    void this.refreshSessions();
  }

  /** Opens a session with a filter, and remembers the way back. */
  openSession(id: string): void {
    if (id === this.sessionId.value) return;
    this.pushAddress();
    batch(() => {
      this.range.value = null;
      this.selected.value = null;
      this.detailOpen.value = false;
      this.coverage.value = NO_COVERAGE;
      this.open(id, this.q.value);
    });
  }

  /** Opens the session that has begun meanwhile. */
  openNewer(): void {
    const { value: newer } = this.newer;
    if (newer !== null) this.openSession(newer.id);
  }

  private open(id: string | null, q: string): void {
    this.feed.value?.stop();
    if (id === null) return;
    const feed = new Feed(this.source, { session: id, q }, this.dictionary, this.lines);
    const stays = id === this.sessionId.value;
    batch(() => {
      this.sessionId.value = id;
      // While it is counted anew, the last count holds: what has come since is still to be seen.
      this.deletedWhenRead = deletedOf(this.session.value) ?? (stays ? this.deletedWhenRead : null);
      if (this.sessions.value?.find((s) => s.events > 0)?.id === id) this.openedAs.value = id;
      this.q.value = q;
      this.feed.value = feed;
      this.pausedAt.value = null;
      if (this.selected.value === null) this.following.value = true;
    });
    feed.start();
  }

  /** Takes the bar's text, and applies it after a pause in typing unless it is unfinished. */
  type(text: string, isUnfinished = false): void {
    this.draft.value = text;
    clearTimeout(this.typing);
    if (!isUnfinished) this.typing = setTimeout(() => this.applyFilter(), TYPING_PAUSE_MS);
  }

  /** Applies what stands in the bar now. */
  applyFilter(text: string = this.draft.value): void {
    clearTimeout(this.typing);
    this.draft.value = text;
    const q = text.trim();
    if (q === this.q.value) return;
    this.pushAddress();
    this.open(this.sessionId.value, q);
  }

  /** Narrows the filter by one more term. */
  addTerm(term: string): void {
    this.applyFilter(withTerm(this.draft.value, term));
  }

  /** Reads one record that is selected but not held. What is no longer stored cannot stay selected. */
  async readOne(session: string, seq: number): Promise<void> {
    const feed = this.feed.value;
    if (feed === null) return;
    const isHeld = () => this.lines.has(this.dictionary.sessions.find(session), seq);
    try {
      const query = { session, q: "" };
      const page = await this.source.read(query, this.source.cursorBefore(query, seq), 1);
      if (this.feed.value !== feed) return; // What was read meanwhile may be deleted by now.
      feed.hold(page.lines);
      if (!isHeld()) this.deselect({ session, seq });
      this.linesVersion.value++;
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  private deselect({ session, seq }: { session: string; seq: number }): void {
    const { value: selected } = this.selected;
    if (selected?.session !== session || selected.seq !== seq) return;
    batch(() => {
      this.selected.value = null;
      this.detailOpen.value = false;
    });
    this.say(`Record ${seq} is no longer stored.`);
  }

  /** Selects a row of the view. */
  selectRow(i: number): void {
    const feed = this.feed.value;
    const rows = this.rows.value;
    if (feed === null || i < 0 || i >= rows.length) return;
    const header = feed.at(rows.feedRow(i));
    batch(() => {
      this.selected.value = { session: this.sessionName(header), seq: header.seq };
      this.following.value = false;
    });
  }

  /**
   * Selects the oldest row. While history is still being read in front of the rows in view, the selection moves to
   * each older first row, until all is read or something else is selected.
   */
  selectOldest(): void {
    const feed = this.feed.value;
    this.selectingOldest();
    this.selectRow(0);
    if (feed === null || feed.complete.value) return;
    let chosen = this.selected.value;
    const stop = effect(() => {
      void this.rows.value;
      const isComplete = feed.complete.value;
      untracked(() => {
        if (this.feed.value !== feed || this.selected.value !== chosen) return this.selectingOldest();
        this.selectRow(0);
        chosen = this.selected.value;
        if (isComplete) this.selectingOldest();
      });
    });
    this.selectingOldest = () => {
      this.selectingOldest = () => {};
      stop();
    };
  }

  async copySelected(): Promise<void> {
    const selected = this.selected.value;
    if (selected === null) return;
    const record = this.lines.record(this.dictionary.sessions.find(selected.session), selected.seq);
    if (record !== undefined) await this.copy(JSON.stringify(record, null, 2), "JSON copied");
  }

  copyLink(): Promise<void> {
    return this.copy(location.href, "Link copied; it opens for whoever may read this store.");
  }

  async copy(text: string, say: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.say(say);
    } catch {
      this.say("The browser does not allow copying here.");
    }
  }

  selectSeq(session: string, seq: number): void {
    batch(() => {
      this.selected.value = { session, seq };
      this.following.value = false;
      this.detailOpen.value = true;
    });
  }

  /** The row of the view that is selected, or -1. */
  selectedRow(): number {
    const selected = this.selected.value;
    const feed = this.feed.value;
    if (selected === null || feed === null) return -1;
    const row = feed.find(this.dictionary.sessions.find(selected.session), selected.seq);
    return row < 0 ? -1 : this.rows.value.viewRow(row);
  }

  sessionName(header: Header): string {
    return this.dictionary.sessions.list[header.session] ?? "";
  }

  record(header: Header): LineRecord | undefined {
    return this.lines.record(header.session, header.seq);
  }

  togglePause(): void {
    const feed = this.feed.value;
    if (feed === null) return;
    this.pausedAt.value = this.pausedAt.value === null ? feed.tail.length : null;
    if (this.pausedAt.value === null) this.following.value = true;
  }

  setRange(range: Range | null): void {
    batch(() => {
      this.range.value = range;
      if (range !== null) this.following.value = false;
    });
  }

  say(text: string): void {
    this.toast.value = text;
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => {
      this.toast.value = null;
    }, 3_000);
  }

  /** Makes the present state a place that the browser's back button returns to. */
  private pushAddress(): void {
    history.pushState(null, "", location.href);
  }

  private restore(address: AddressState): void {
    batch(() => {
      this.range.value =
        address.from !== null && address.to !== null ? { from: address.from, to: address.to } : null;
      this.compareWith.value = address.compare;
      this.draft.value = address.q;
      if (address.session !== this.sessionId.value || address.q !== this.q.value)
        this.open(address.session, address.q);
      this.selected.value =
        address.session !== null && address.seq !== null
          ? { session: address.session, seq: address.seq }
          : null;
      this.detailOpen.value = address.seq !== null;
    });
  }
}

/** How many seqs of a session are covered by gaps. */
export function lostOf(session: SessionSummary | null): number {
  return session === null ? 0 : Object.values(session.gaps).reduce((sum, n) => sum + n, 0);
}

function deletedOf(session: SessionSummary | null): number | null {
  return session?.counted ? (session.gaps.deleted ?? 0) : null;
}

export const ViewerContext = createContext<Viewer | null>(null);

export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (viewer === null) throw new Error("a component of the viewer was rendered outside of its context");
  return viewer;
}
