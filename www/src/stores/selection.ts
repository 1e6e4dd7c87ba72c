/** The selected record, and whether its details are open. */
import { batch, effect, type Signal, signal, untracked } from "@preact/signals";
import type { LineRecord } from "../data/record";
import type { DataSource } from "../data/source";
import type { Notices } from "./notices";
import type { View } from "./view";

export interface Selected {
  session: string;
  seq: number;
}

export class Selection {
  readonly selected: Signal<Selected | null> = signal(null);
  readonly detailOpen = signal(false);
  /** Ends the wait of `selectOldest`. */
  #stopSelectingOldest: () => void = () => {};

  constructor(
    private readonly source: DataSource,
    private readonly view: View,
    private readonly notices: Notices,
  ) {}

  clear(): void {
    batch(() => {
      this.selected.value = null;
      this.detailOpen.value = false;
    });
  }

  /** Selects the record of an address, or none. */
  set(session: string | null, seq: number | null): void {
    batch(() => {
      this.selected.value = session !== null && seq !== null ? { session, seq } : null;
      this.detailOpen.value = seq !== null;
    });
  }

  /** Selects a record and opens its details. */
  selectSeq(session: string, seq: number): void {
    batch(() => {
      this.set(session, seq);
      this.view.following.value = false;
    });
  }

  selectRow(i: number): void {
    const { view } = this;
    const feed = view.feed.value;
    const rows = view.rows.value;
    if (feed === null || i < 0 || i >= rows.length) return;
    const header = feed.at(rows.feedRow(i));
    batch(() => {
      this.selected.value = { session: view.sessionName(header), seq: header.seq };
      view.following.value = false;
    });
  }

  /**
   * Selects the oldest row. While history is still being read in front of the rows in view, the selection moves to
   * each older first row, until all is read or something else is selected.
   */
  selectOldest(): void {
    const { view } = this;
    const feed = view.feed.value;
    this.#stopSelectingOldest();
    this.selectRow(0);
    if (feed === null || feed.complete.value) return;
    let chosen = this.selected.value;
    const stop = effect(() => {
      void view.rows.value;
      const isComplete = feed.complete.value;
      untracked(() => {
        if (view.feed.value !== feed || this.selected.value !== chosen) return this.#stopSelectingOldest();
        this.selectRow(0);
        chosen = this.selected.value;
        if (isComplete) this.#stopSelectingOldest();
      });
    });
    this.#stopSelectingOldest = () => {
      this.#stopSelectingOldest = () => {};
      stop();
    };
  }

  /** Returns the row of the view that is selected, or -1. */
  get row(): number {
    const selected = this.selected.value;
    const feed = this.view.feed.value;
    if (selected === null || feed === null) return -1;
    const row = feed.find(this.#sessionOf(selected), selected.seq);
    return row < 0 ? -1 : this.view.rows.value.viewRow(row);
  }

  /** The selected record, or undefined while its line is not held. */
  get record(): LineRecord | undefined {
    const selected = this.selected.value;
    return selected === null ? undefined : this.view.lines.record(this.#sessionOf(selected), selected.seq);
  }

  /** Reads the selected record, and clears the selection if the record is no longer stored. */
  async readSelected(): Promise<void> {
    const { source, view } = this;
    const selected = this.selected.value;
    const feed = view.feed.value;
    if (selected === null || feed === null) return;
    const { session, seq } = selected;
    try {
      const query = { session, q: "" };
      const page = await source.read(query, source.cursorBefore(query, seq), 1);
      if (view.feed.value !== feed) return; // The lines that were read may be deleted by now.
      feed.hold(page.lines);
      if (!view.lines.has(this.#sessionOf(selected), seq)) this.#deselect(selected);
      view.linesVersion.value++;
    } catch (error) {
      this.notices.sayError(error);
    }
  }

  async copy(): Promise<void> {
    const { record } = this;
    if (record !== undefined) await this.notices.copy(JSON.stringify(record, null, 2), "JSON copied");
  }

  #deselect({ session, seq }: Selected): void {
    const { value: selected } = this.selected;
    if (selected?.session !== session || selected.seq !== seq) return;
    this.clear();
    this.notices.say(`Record ${seq} is no longer stored.`);
  }

  #sessionOf({ session }: Selected): number {
    return this.view.dictionary.sessions.find(session);
  }
}
