/**
 * The rows of a feed that are in view, in order of time, given a time range and a pause.
 *
 * A feed's rows are in order of acceptance, which is that of the cursors. Within one session the view is in order of
 * time: pages report vitals and long frames late, and two producers may report the same moment. Over all sessions
 * it stays in order of commit.
 */
import { grown } from "./data/columns";
import type { Feed } from "./data/feed";
import type { Range } from "./data/range";
import { ALL_SESSIONS } from "./data/source";

export interface Rows {
  readonly length: number;
  /** Returns the feed's row behind row `i` of the view. */
  feedRow(i: number): number;
  /** Returns the view's row of a feed row, or -1. */
  viewRow(feedRow: number): number;
}

/** The part of a feed that is sorted. */
export type Timed = Pick<Feed, "query" | "firstRead" | "length" | "ts">;

/** A row is moved over at most this many others: after a change of the clock, the order of acceptance continues. */
const MOST_MOVED = 500;
const FIRST_CAPACITY = 1024;

/** The first rows of one feed, sorted by time. It is updated as the feed grows. */
export class TimeOrder {
  length = 0;
  /** The first place that has changed since `takeUnchanged` was called. */
  #changed = 0;
  #feed: Timed | null = null;
  #firstRead = 0;
  #rows = new Uint32Array(FIRST_CAPACITY);

  /** Sorts the rows of `feed` before `end`. */
  update(feed: Timed, end: number): void {
    // History grows in front of the rows that were read first, and moves all of them.
    if (feed !== this.#feed || feed.firstRead !== this.#firstRead || end < this.length) {
      this.length = 0;
      this.#changed = 0;
    }
    this.#feed = feed;
    this.#firstRead = feed.firstRead;
    if (this.#rows.length < end) this.#rows = grown(this.#rows, Math.max(end, this.#rows.length * 2));
    const isSorted = feed.query.session !== ALL_SESSIONS;
    this.#changed = Math.min(this.#changed, this.length);
    for (let row = this.length; row < end; row++) {
      const place = isSorted ? this.#placeOf(feed, row) : row;
      this.#changed = Math.min(this.#changed, place);
      this.#rows[place] = row;
    }
    this.length = Math.max(this.length, end);
  }

  /** Returns how many places from the first on are the same as at the last call. */
  takeUnchanged(): number {
    const unchanged = this.#changed;
    this.#changed = this.length;
    return unchanged;
  }

  /** Makes room for the next row, and returns its place. */
  #placeOf(feed: Timed, row: number): number {
    const rows = this.#rows;
    const ts = feed.ts(row);
    let place = row;
    while (place > 0 && row - place <= MOST_MOVED && feed.ts(rows[place - 1] ?? 0) > ts) place--;
    if (row - place > MOST_MOVED) return row;
    rows.copyWithin(place + 1, place, row);
    return place;
  }

  at(place: number): number {
    return this.#rows[place] ?? 0;
  }

  /** Returns the place of a feed row, or -1. Rows are moved a little, so it is searched from their own place on. */
  placeOf(row: number): number {
    if (row < 0 || row >= this.length) return -1;
    for (let away = 0; away < this.length; away++) {
      if (this.#rows[row - away] === row) return row - away;
      if (this.#rows[row + away] === row && row + away < this.length) return row + away;
    }
    return -1;
  }
}

const NONE: Rows = { length: 0, feedRow: (i) => i, viewRow: () => -1 };

/** `pausedAt` is how many rows the feed had from the first one read on when the view was paused. */
export function rowsOf(
  order: TimeOrder,
  feed: Timed | null,
  range: Range | null,
  pausedAt: number | null,
): Rows {
  if (feed === null) return NONE;
  const end = pausedAt === null ? feed.length : feed.firstRead + pausedAt;
  order.update(feed, end);
  if (range === null) {
    return { length: end, feedRow: (i) => order.at(i), viewRow: (row) => order.placeOf(row) };
  }
  const places = new Uint32Array(end);
  let length = 0;
  for (let place = 0; place < end; place++) {
    const ts = feed.ts(order.at(place));
    if (ts >= range.from && ts <= range.to) places[length++] = place;
  }
  return {
    length,
    feedRow: (i) => order.at(places[i] ?? 0),
    viewRow: (row) => indexOf(places, length, order.placeOf(row)),
  };
}

/** Searches the first `length` of ascending numbers. */
function indexOf(sorted: Uint32Array, length: number, value: number): number {
  let low = 0;
  let high = length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = sorted[middle] ?? 0;
    if (at === value) return middle;
    if (at < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
