/**
 * The viewer's state: one store per concern, and the rules that tie them together.
 *
 * Components read the stores' signals and call their methods; nothing else changes them. The address
 * follows the state, and the browser's back button restores it.
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
import { type AddressState, addressOf, pushAddress, readAddress } from "./address";
import type { Range } from "./data/range";
import { ALL_SESSIONS, type DataSource, type SessionSummary } from "./data/source";
import { Editor } from "./detail/editor";
import { SourceMaps } from "./detail/sourcemaps";
import type { RequestRow } from "./network/requests";
import { allOf } from "./sessions/all";
import { CoverageStore } from "./stores/coverage";
import { Deletions } from "./stores/deletions";
import { NewerSession } from "./stores/newer";
import { Notices } from "./stores/notices";
import { OriginalPlaces } from "./stores/original_places";
import { Problems } from "./stores/problems";
import { Selection } from "./stores/selection";
import { SessionSites } from "./stores/session_sites";
import { Sessions } from "./stores/sessions";
import { Thumbnails } from "./stores/thumbnails";
import { View } from "./stores/view";
import { domainOf } from "./timeline/domain";
import { Theme } from "./ui/theme";

const SESSIONS_EVERY_MS = 2_000;

export class Viewer {
  readonly notices = new Notices();
  readonly sessions: Sessions;
  readonly sites: SessionSites;
  readonly coverage: CoverageStore;
  readonly view: View;
  readonly selection: Selection;
  readonly problems: Problems;
  readonly theme = new Theme();
  readonly editor = new Editor();
  readonly sourceMaps = new SourceMaps();
  readonly originalPlaces: OriginalPlaces;
  readonly thumbnails: Thumbnails;
  /** The session that the open one is compared with. */
  readonly compareWith: Signal<string | null> = signal(null);
  /** The list of events or the table of requests. */
  readonly mode: Signal<"events" | "network"> = signal("events");
  /** The rows of the network table, in its order. */
  readonly requests: { current: RequestRow[] } = { current: [] };
  /** The open session, or all of them as one. */
  readonly session: ReadonlySignal<SessionSummary | null> = computed(() => {
    const { value: id } = this.view.sessionId;
    const { value: list } = this.sessions.list;
    if (id === ALL_SESSIONS) return list === null ? null : allOf(list);
    return this.sessions.find(id);
  });
  /** The range of time that the timeline shows. */
  readonly domain: ReadonlySignal<Range>;

  /** Called once the page shows the viewer: what its first rows do without is requested from then on. */
  shown: () => void = () => {};
  readonly #isShown = new Promise<void>((resolve) => {
    this.shown = resolve;
  });

  /** Called when the source no longer lets this page read. */
  onRefused: () => void = () => {};

  readonly #newer: NewerSession;
  readonly #deletions = new Deletions();
  #wanted: string | null;
  #hasStarted = false;
  readonly #stops: (() => void)[] = [];

  constructor(readonly source: DataSource) {
    this.sessions = new Sessions(source);
    this.sites = new SessionSites(source);
    this.coverage = new CoverageStore(source);
    this.#newer = new NewerSession(this.sessions, this.coverage, this.session);
    this.originalPlaces = new OriginalPlaces(source);
    this.thumbnails = new Thumbnails(source);
    this.view = new View(source);
    this.selection = new Selection(source, this.view, this.notices);
    this.problems = new Problems(source, this.view);
    this.domain = domainOf(this.session, this.view.feed);
    const address = readAddress(location.search);
    this.#wanted = address.session;
    this.compareWith.value = address.compare;
    this.mode.value = address.view ?? "events";
    this.view.set(address);
    if (address.session !== null && address.seq !== null)
      this.selection.selectSeq(address.session, address.seq);
  }

  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    void this.refresh();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.refresh();
    }, SESSIONS_EVERY_MS);
    const back = () => {
      if (this.source.kind !== "bundle") this.#restore(readAddress(location.search));
    };
    addEventListener("popstate", back);
    const { view } = this;
    this.#stops.push(
      () => clearInterval(timer),
      () => removeEventListener("popstate", back),
      effect(() => {
        const feed = view.feed.value;
        if (feed !== null) untracked(() => this.#onOpened(feed.query.session));
      }),
      effect(() => {
        if (view.feed.value?.error.value?.code === "store_changed") untracked(() => this.#resetForNewStore());
      }),
    );
    void this.#isShown.then(() => this.#stops.push(this.#keepAddress()));
  }

  /** Keeps the page's address that of the state. Returns what ends that. */
  #keepAddress(): () => void {
    return effect(() => {
      const next = addressOf(this.address());
      // The address of a page from a file cannot change.
      if (this.source.kind === "bundle") return;
      if (this.sessions.list.value !== null && next !== (location.search || "?")) {
        history.replaceState(null, "", next === "?" ? location.pathname : next);
      }
    });
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.view.feed.value?.stop();
  }

  address(): AddressState {
    const { view, selection } = this;
    return {
      session: view.sessionId.value,
      q: view.q.value,
      from: view.range.value?.from ?? null,
      to: view.range.value?.to ?? null,
      seq: selection.detailOpen.value ? (selection.selected.value?.seq ?? null) : null,
      compare: this.compareWith.value,
      view: this.mode.value === "network" ? "network" : null,
    };
  }

  /** Opens a session with the present filter. The browser's back button returns to the one before. */
  openSession(id: string): void {
    if (id === this.view.sessionId.value) return;
    pushAddress();
    batch(() => {
      this.view.range.value = null;
      this.selection.clear();
      this.coverage.reset();
      this.view.open(id, this.view.q.value);
    });
  }

  /** Shows the list of events or the table of requests. The browser's back button returns to the other one. */
  show(mode: "events" | "network"): void {
    if (mode === this.mode.value) return;
    pushAddress();
    this.mode.value = mode;
  }

  get newer(): ReadonlySignal<SessionSummary | null> {
    return this.#newer.found;
  }

  openNewer(): void {
    const { value: newer } = this.newer;
    if (newer !== null) this.openSession(newer.id);
  }

  copyLink(): Promise<void> {
    return this.notices.copy(location.href, "Link copied. It opens for anyone who may read this store.");
  }

  /** Reads sessions and coverage again, and opens a session if none is open. */
  async refresh(): Promise<void> {
    const { sessions } = this;
    await sessions.refresh(() => {
      if (this.view.sessionId.value === null) this.#openFirst(sessions.list.value ?? []);
    });
    if (sessions.error.value === null) {
      await this.#isShown;
      this.#lookForDeleted();
      await this.coverage.refresh(this.session.value).catch((error: unknown) => sessions.fail(error));
      await this.problems.refresh(this.session.value);
      const { value: listed } = sessions.list;
      await this.originalPlaces.refresh(listed ?? []).catch((error: unknown) => sessions.fail(error));
    }
    if (sessions.error.value?.code === "unauthorized") this.onRefused();
  }

  /** Opens the session of the address, or the newest one. */
  #openFirst(sessions: SessionSummary[]): void {
    if (sessions.length === 0) return;
    const id = this.#wanted;
    const wanted = id === ALL_SESSIONS ? { id } : this.sessions.find(id);
    if (id !== null && wanted === null) {
      this.notices.say("That session is no longer stored; the newest one is shown.");
    }
    this.view.open((wanted ?? this.sessions.newest ?? sessions[0])?.id ?? null, this.view.q.value);
  }

  #onOpened(session: string): void {
    this.#deletions.begin(session, this.session.value);
    this.#newer.opened(session);
    void this.#isShown.then(() => this.problems.refresh(this.session.value));
    if (this.selection.selected.value === null) this.view.following.value = true;
  }

  /** Reads the list again if records were deleted: none of them may stay on screen or in memory. */
  #lookForDeleted(): void {
    if (!this.#deletions.haveGrown(this.session.value)) return;
    this.notices.say("Records were deleted; the list is read again.");
    const { view } = this;
    view.lines.clear();
    const { value: wasFollowing } = view.following;
    view.open(view.sessionId.value, view.q.value);
    view.following.value = wasFollowing;
  }

  /** Begins again, because another store is behind the collector now. */
  #resetForNewStore(): void {
    this.notices.say("The collector has another store now; it is read from its beginning.");
    batch(() => {
      this.view.clear();
      this.selection.selected.value = null;
    });
    this.#wanted = null;
    void this.refresh();
  }

  #restore(address: AddressState): void {
    const { view } = this;
    batch(() => {
      view.setRangeOf(address);
      this.compareWith.value = address.compare;
      this.mode.value = address.view ?? "events";
      view.draft.value = address.q;
      if (address.session !== view.sessionId.value || address.q !== view.q.value)
        view.open(address.session, address.q);
      this.selection.set(address.session, address.seq);
    });
  }
}

export const ViewerContext = createContext<Viewer | null>(null);

export function useViewer(): Viewer {
  const viewer = useContext(ViewerContext);
  if (viewer === null) throw new Error("this component must be rendered inside of a ViewerContext");
  return viewer;
}
