/**
 * Reads the lines of rows that came into view without them.
 *
 * During a scroll, one read at a time takes those in view and the next ones in the same direction, so that a
 * scroll shows texts. After a jump, such as of the dragged scroll bar, nothing is read until it pauses.
 */
import type { Feed } from "../data/feed";
import type { Rows } from "../rows";
import type { Viewer } from "../state";

const PAUSE_MS = 40;
/** Rows that are read in the direction of a scroll: the wheel moves a few of them per frame. */
const AHEAD_ROWS = 120;
/** More rows are read than are missing, because the next one is likely to be missing as well. */
const SPARE_ROWS = 8;
/** The collector refuses more. What is still missing after it is read next. */
const MAX_RECORDS = 10_000;

interface Wanted {
  feed: Feed;
  /** The place of the first missing record, and the number of records from it to the last one. */
  at: number;
  records: number;
}

export class MissingLines {
  #feed: Feed | null = null;
  #from = 0;
  #to = 0;
  #wanted: Wanted | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: AbortController | null = null;
  /** A record that has become part of a gap stays missing, and is not asked for again until the list jumps. */
  #read: Wanted | null = null;

  constructor(private readonly viewer: Viewer) {}

  /** Schedules a read if rows from `from` to `to` lack their lines. */
  show(feed: Feed | null, rows: Rows, from: number, to: number): void {
    const isJump = from >= this.#to || to <= this.#from || feed !== this.#feed;
    const moved = isJump ? 0 : Math.sign(from - this.#from);
    this.#feed = feed;
    this.#from = from;
    this.#to = to;
    if (isJump) {
      this.stop();
      this.#read = null;
    }
    this.#wanted =
      feed === null
        ? null
        : this.#missing(
            feed,
            rows,
            moved < 0 ? Math.max(0, from - AHEAD_ROWS) : from,
            moved > 0 ? Math.min(rows.length, to + AHEAD_ROWS) : to,
          );
    // Lines that were read may leave memory again.
    if (this.#wanted === null) this.#read = null;
    if (this.#wanted === null || this.#reading !== null || isSame(this.#wanted, this.#read)) return;
    this.#timer ??= setTimeout(() => void this.#readWanted(), PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#reading === null) return;
    this.#reading.abort();
    this.#reading = null;
    this.#read = null;
  }

  #missing(feed: Feed, rows: Rows, from: number, to: number): Wanted | null {
    let first = -1;
    let last = -1;
    for (let i = from; i < to; i++) {
      // Cursors follow the feed's order, from which the view's may differ.
      const row = rows.feedRow(i);
      const { session, seq } = feed.at(row);
      if (this.viewer.view.lines.has(session, seq)) continue;
      if (first < 0 || row < first) first = row;
      if (row > last) last = row;
    }
    return first < 0 ? null : { feed, at: feed.at(first).at, records: last - first + 1 };
  }

  async #readWanted(): Promise<void> {
    const { viewer } = this;
    const wanted = this.#wanted;
    this.#timer = undefined;
    if (wanted === null) return;
    const { feed, at, records } = wanted;
    const reading = new AbortController();
    this.#reading = reading;
    this.#read = wanted;
    try {
      const { source } = viewer;
      const before = source.cursorBefore(feed.query, at);
      const page = await source.read(
        feed.query,
        before,
        Math.min(records + SPARE_ROWS, MAX_RECORDS),
        reading.signal,
      );
      if (reading.signal.aborted) return;
      feed.hold(page.lines);
      this.#reading = null;
      viewer.view.linesVersion.value++;
    } catch (error) {
      if (reading.signal.aborted) return;
      this.#reading = null;
      viewer.notices.sayError(error);
    }
  }
}

function isSame(one: Wanted, other: Wanted | null): boolean {
  return one.feed === other?.feed && one.at === other.at && one.records === other.records;
}
