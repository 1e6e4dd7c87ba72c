/**
 * The rows of a view with repeats, routine messages, console groups and the records of each request folded.
 *
 * A *run* is neighbouring rows with the same key; it is shown as one row until it is opened. A closed *group* hides
 * the console rows of its document up to the group's end. The records of one request are one row where the request
 * began, which shows how it has ended. Every hidden record belongs to a row that can be opened.
 */
import { grown } from "./data/columns";
import type { Feed } from "./data/feed";
import { NO_FOLD, unpackNest } from "./data/fold";
import type { Range } from "./data/range";
import type { Rows } from "./rows";

export type FoldKind = "none" | "run" | "member" | "group" | "request";

export interface FoldedRows extends Rows {
  /** The number of records in the view, with those that are hidden in folds. */
  readonly records: number;
  /** The first row behind the history that is read last, or -1. It has no meaning in a time range. */
  readonly tailRow: number;
  /** The row of the first record that was read, or -1. It has no meaning in a time range. */
  readonly firstReadRow: number;
  /** The number of records that row `i` represents. */
  sizeOf(i: number): number;
  kindOf(i: number): FoldKind;
  isOpen(i: number): boolean;
  /** Returns the feed's row that names the fold of row `i`: the first of its run, or the start of its group. */
  foldRow(i: number): number;
}

/** The part of a feed that folding reads. */
export type Foldable = Pick<
  Feed,
  "ts" | "foldKey" | "nest" | "groupRows" | "name" | "isRoute" | "request" | "endsRequest" | "firstRead"
> & {
  head: { length: number };
};

/** Decides what is folded. */
export interface Folding {
  isOn: boolean;
  /** Names of the folds that a person has opened or closed. */
  toggled: ReadonlySet<string>;
}

/** Routine messages of a tab that are further apart belong to different moments. */
const MOST_APART_MICROS = 2e6;
const FIRST_CAPACITY = 1024;
/** An end that comes later is a row by itself, because it would change a row that is out of view. */
const MOST_REQUEST_MICROS = 10e6;
const KINDS: readonly FoldKind[] = ["none", "run", "member", "group", "request"];
const RUN = 1;
const MEMBER = 2;
const GROUP = 3;
const REQUEST = 4;
const KIND = 7;
const OPEN = 8;

interface OpenGroup {
  depth: number;
  isClosed: boolean;
  row: number;
}

export class Folds {
  /** By place: the row that shows it. By row: its first place, the place that is shown, its records and its kind. */
  #rowOf = new Uint32Array(FIRST_CAPACITY);
  #first = new Uint32Array(FIRST_CAPACITY);
  #shown = new Uint32Array(FIRST_CAPACITY);
  #size = new Uint32Array(FIRST_CAPACITY);
  #kind = new Uint8Array(FIRST_CAPACITY);
  /** The row of each request. An entry may be older than the row, which then belongs to another record. */
  readonly #requests = new Map<number, { row: number; isOpen: boolean }>();
  #places = 0;
  #rows = 0;
  #feed: Foldable | null = null;
  #range: Range | null = null;
  #folding: Folding | null = null;

  /** Folds `rows`, of which those before `unchanged` are the same as at the last call. */
  update(
    rows: Rows,
    feed: Foldable | null,
    range: Range | null,
    unchanged: number,
    folding: Folding,
  ): FoldedRows {
    if (feed === null || !folding.isOn) {
      this.#places = 0;
      return unfolded(rows, feed);
    }
    const isSame = feed === this.#feed && range === null && this.#range === null && folding === this.#folding;
    // An open group reaches over any number of rows.
    let from = isSame && feed.groupRows === 0 ? Math.min(unchanged, this.#places, rows.length) : 0;
    // The last run before the change may have lost or won records.
    const key = (place: number): number => feed.foldKey(rows.feedRow(place));
    const last = from > 0 ? key(from - 1) : NO_FOLD;
    while (last !== NO_FOLD && from > 0 && key(from - 1) === last) from--;
    from = this.#beforeFoldsInto(from);
    if (from === 0) this.#requests.clear();
    this.#feed = feed;
    this.#range = range;
    this.#folding = folding;
    // The record before may be part of an older row: a response is, of its request's.
    let kept = from === 0 ? 0 : this.#rows;
    while (kept > 0 && (this.#first[kept - 1] ?? 0) >= from) kept--;
    this.#rows = kept;
    this.#reserve(rows.length);
    this.#fold(rows, feed, from, folding.toggled);
    this.#places = rows.length;
    return this.#view(rows, feed);
  }

  /** Returns the last place up to which no row has a record at `from` or after it. */
  #beforeFoldsInto(from: number): number {
    let lowest = from;
    for (let to = this.#places; lowest > 0; ) {
      const begin = lowest;
      for (let place = begin; place < to; place++)
        lowest = Math.min(lowest, this.#first[this.#rowOf[place] ?? 0] ?? 0);
      if (lowest === begin) break;
      to = begin;
    }
    return lowest;
  }

  #fold(rows: Rows, feed: Foldable, from: number, toggled: ReadonlySet<string>): void {
    const groups = new Map<number, OpenGroup[]>();
    let run = { key: NO_FOLD, row: 0, isOpen: false, ts: 0 };
    const isToggled = (row: number): boolean => toggled.size > 0 && toggled.has(feed.name(row));
    for (let place = from; place < rows.length; place++) {
      const row = rows.feedRow(place);
      const packed = feed.groupRows === 0 ? 0 : feed.nest(row);
      if (packed !== 0) {
        const { document, depth, opens } = unpackNest(packed);
        const open = groups.get(document) ?? [];
        const ended = opens === "end" ? open.find((group) => group.depth === depth) : undefined;
        while ((open.at(-1)?.depth ?? -1) >= depth) open.pop();
        const closed = [...open, ...(ended === undefined ? [] : [ended])].find(({ isClosed }) => isClosed);
        const isGroup = opens === "group" || opens === "collapsed group";
        const isClosed = isGroup && (opens === "collapsed group") !== isToggled(row);
        if (isGroup) {
          open.push({ depth, isClosed, row: this.#rows });
          groups.set(document, open);
        }
        if (closed !== undefined) {
          this.#hide(place, closed.row);
          continue;
        }
        if (isGroup) {
          this.#append(place, GROUP | (isClosed ? 0 : OPEN));
          run = { ...run, key: NO_FOLD };
          continue;
        }
      }
      const request = feed.request(row);
      if (request !== NO_FOLD) {
        run = { ...run, key: NO_FOLD };
        this.#foldRequest(rows, feed, place, request, isToggled);
        continue;
      }
      const key = feed.foldKey(row);
      const ts = feed.ts(row);
      const isNear = key > 0 || ts - run.ts < MOST_APART_MICROS;
      if (key === NO_FOLD || key !== run.key || !isNear) {
        run = { key, row: this.#rows, isOpen: key !== NO_FOLD && isToggled(row), ts };
        this.#append(place, 0);
        continue;
      }
      run.ts = ts;
      this.#kind[run.row] = RUN | (run.isOpen ? OPEN : 0);
      if (run.isOpen) {
        this.#size[run.row] = (this.#size[run.row] ?? 0) + 1;
        this.#append(place, MEMBER);
      } else {
        this.#hide(place, run.row);
        // The address of a route change says more than the tab's messages about it.
        if (feed.isRoute(row)) this.#shown[run.row] = place;
      }
    }
  }

  #foldRequest(
    rows: Rows,
    feed: Foldable,
    place: number,
    request: number,
    isToggled: (row: number) => boolean,
  ): void {
    const row = rows.feedRow(place);
    const known = this.#requests.get(request);
    const begin =
      known !== undefined && known.row < this.#rows ? rows.feedRow(this.#first[known.row] ?? 0) : -1;
    const isSame = begin >= 0 && feed.request(begin) === request;
    if (known === undefined || !isSame || feed.ts(row) - feed.ts(begin) > MOST_REQUEST_MICROS) {
      this.#requests.set(request, { row: this.#rows, isOpen: isToggled(row) });
      this.#append(place, 0);
      return;
    }
    this.#kind[known.row] = REQUEST | (known.isOpen ? OPEN : 0);
    if (known.isOpen) this.#append(place, 0);
    else {
      this.#hide(place, known.row);
      if (feed.endsRequest(row)) this.#shown[known.row] = place;
    }
  }

  #append(place: number, kind: number): void {
    const row = this.#rows++;
    this.#rowOf[place] = row;
    this.#first[row] = place;
    this.#shown[row] = place;
    this.#size[row] = 1;
    this.#kind[row] = kind;
  }

  #hide(place: number, row: number): void {
    this.#rowOf[place] = row;
    this.#size[row] = (this.#size[row] ?? 0) + 1;
  }

  #view(rows: Rows, feed: Foldable): FoldedRows {
    const viewRow = (feedRow: number): number => {
      const place = rows.viewRow(feedRow);
      return place < 0 ? -1 : (this.#rowOf[place] ?? -1);
    };
    const kind = (i: number): number => this.#kind[i] ?? 0;
    const rowOf = (place: number): number => (place < rows.length ? (this.#rowOf[place] ?? -1) : -1);
    const start = (i: number): number => {
      let row = i;
      while (row > 0 && (kind(row) & KIND) === MEMBER) row--;
      return row;
    };
    return {
      length: this.#rows,
      records: rows.length,
      feedRow: (i) => rows.feedRow(this.#shown[i] ?? 0),
      viewRow,
      tailRow: rowOf(feed.head.length),
      firstReadRow: rowOf(feed.firstRead),
      sizeOf: (i) => this.#size[i] ?? 1,
      kindOf: (i) => KINDS[kind(i) & KIND] ?? "none",
      isOpen: (i) => (kind(i) & OPEN) !== 0,
      foldRow: (i) => rows.feedRow(this.#first[start(i)] ?? 0),
    };
  }

  #reserve(places: number): void {
    if (this.#rowOf.length >= places) return;
    const capacity = Math.max(places, this.#rowOf.length * 2);
    this.#rowOf = grown(this.#rowOf, capacity);
    this.#first = grown(this.#first, capacity);
    this.#shown = grown(this.#shown, capacity);
    this.#size = grown(this.#size, capacity);
    this.#kind = grown(this.#kind, capacity);
  }
}

function unfolded(rows: Rows, feed: Foldable | null): FoldedRows {
  return {
    length: rows.length,
    records: rows.length,
    feedRow: rows.feedRow,
    viewRow: rows.viewRow,
    tailRow: feed === null ? -1 : feed.head.length,
    firstReadRow: feed === null ? -1 : feed.firstRead,
    sizeOf: () => 1,
    kindOf: () => "none",
    isOpen: () => false,
    foldRow: rows.feedRow,
  };
}
