/**
 * The records in view: the open session, its filter and time range, and the rows that they leave.
 *
 * A view follows the newest row until a person scrolls or selects, and can be paused.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type AddressState, pushAddress } from "../address";
import { Dictionary, type Header } from "../data/columns";
import { Feed } from "../data/feed";
import { Lines } from "../data/lines";
import type { Range } from "../data/range";
import type { LineRecord } from "../data/record";
import type { DataSource } from "../data/source";
import { freeWords, withTerm } from "../filter/text";
import { type FoldedRows, type Folding, Folds } from "../folds";
import { rowsOf, TimeOrder } from "../rows";

const TYPING_PAUSE_MS = 220;
const FOLDING_KEY = "tabtape.folding";

export class View {
  readonly sessionId: Signal<string | null> = signal(null);
  /** The filter as it was last applied; `draft` is the text in the bar. */
  readonly q = signal("");
  readonly draft = signal("");
  readonly range: Signal<Range | null> = signal(null);
  readonly feed: Signal<Feed | null> = signal(null);
  /** Whether the list sticks to its newest row. */
  readonly following = signal(true);
  /** How many rows the feed had from the first one read on when the view was paused, or null while it is live. */
  readonly pausedAt: Signal<number | null> = signal(null);
  /** Raised when lines that were asked for have arrived. */
  readonly linesVersion = signal(0);
  readonly lines = new Lines();
  readonly dictionary = new Dictionary();
  readonly words: ReadonlySignal<string[]> = computed(() => freeWords(this.q.value));
  /** Whether repeats and routine messages are folded, and the folds that a person has opened or closed. */
  readonly folding: Signal<Folding> = signal({
    isOn: localStorage.getItem(FOLDING_KEY) !== "off",
    toggled: new Set<string>(),
  });
  readonly rows: ReadonlySignal<FoldedRows> = computed(() => {
    const feed = this.feed.value;
    const range = this.range.value;
    void feed?.version.value;
    const rows = rowsOf(this.#order, feed, range, this.pausedAt.value);
    return this.#folds.update(rows, feed, range, this.#order.takeUnchanged(), this.folding.value);
  });

  readonly #order = new TimeOrder();
  readonly #folds = new Folds();
  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly source: DataSource) {}

  /** Sets filter and range without reading yet. */
  set({ q, from, to }: AddressState): void {
    this.draft.value = q;
    this.q.value = q;
    this.setRangeOf({ from, to });
  }

  /** Reads a session through a filter, in place of the present one. */
  open(id: string | null, q: string): void {
    this.feed.value?.stop();
    if (id === null) return;
    const feed = new Feed(this.source, { session: id, q }, this.dictionary, this.lines);
    batch(() => {
      this.sessionId.value = id;
      this.q.value = q;
      this.feed.value = feed;
      this.pausedAt.value = null;
    });
    feed.start();
  }

  /** Stops reading, and forgets what was read. */
  clear(): void {
    this.lines.clear();
    this.feed.value?.stop();
    batch(() => {
      this.feed.value = null;
      this.sessionId.value = null;
    });
  }

  /** Takes the bar's text, and applies it after a pause in typing unless it is unfinished. */
  type(text: string, isUnfinished = false): void {
    this.draft.value = text;
    clearTimeout(this.#typing);
    if (!isUnfinished) this.#typing = setTimeout(() => this.applyFilter(), TYPING_PAUSE_MS);
  }

  /** Applies a text as the filter, by default the text in the bar. */
  applyFilter(text: string = this.draft.value): void {
    clearTimeout(this.#typing);
    this.draft.value = text;
    const q = text.trim();
    if (q === this.q.value) return;
    pushAddress();
    this.open(this.sessionId.value, q);
  }

  /** Adds one term to the filter. */
  addTerm(term: string): void {
    this.applyFilter(withTerm(this.draft.value, term));
  }

  setRange(range: Range | null): void {
    batch(() => {
      this.range.value = range;
      if (range !== null) this.following.value = false;
    });
  }

  /** Sets the range of an address, which has both ends or none. */
  setRangeOf({ from, to }: Pick<AddressState, "from" | "to">): void {
    this.range.value = from !== null && to !== null ? { from, to } : null;
  }

  /** Folds the list, or shows every record as a row. The choice is stored in this browser. */
  toggleFolding(): void {
    const isOn = !this.folding.value.isOn;
    this.folding.value = { ...this.folding.value, isOn };
    localStorage.setItem(FOLDING_KEY, isOn ? "on" : "off");
  }

  /** Opens or closes the fold that row `i` belongs to; does nothing if it has no fold or is so already. */
  setFold(i: number, isOpen: boolean): void {
    const { value: rows } = this.rows;
    const { value: feed } = this.feed;
    const kind = rows.kindOf(i);
    if (feed === null || kind === "none" || (rows.isOpen(i) || kind === "member") === isOpen) return;
    const name = feed.name(rows.foldRow(i));
    const toggled = new Set(this.folding.value.toggled);
    if (!toggled.delete(name)) toggled.add(name);
    batch(() => {
      this.following.value = false;
      this.folding.value = { ...this.folding.value, toggled };
    });
  }

  togglePause(): void {
    const feed = this.feed.value;
    if (feed === null) return;
    this.pausedAt.value = this.pausedAt.value === null ? feed.length - feed.firstRead : null;
    if (this.pausedAt.value === null) this.following.value = true;
  }

  sessionName(header: Header): string {
    return this.dictionary.sessions.list[header.session] ?? "";
  }

  record(header: Header): LineRecord | undefined {
    return this.lines.record(header.session, header.seq);
  }
}
