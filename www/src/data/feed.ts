/**
 * The records that match one query, oldest first. The list grows while history is read and new records come.
 *
 * The newest records of a long session are read first, so that they never wait for history: `head` grows
 * from the oldest record, `tail` from a little before now, and both are one list. The tail begins with a screen of
 * rows; once those are painted, more records are put in front of them. Nothing is skipped: records that the source no
 * longer has are a gap, and a source that does not answer is a state with a reason.
 */
import { batch, type Signal, signal } from "@preact/signals";
import { Columns, type Dictionary, GAP_TYPE, type Header } from "./columns";
import { endsRequest, foldKey, foldKeyOfType, NO_FOLD, packNest, requestKey } from "./fold";
import { painted, requestFrame } from "./frames";
import type { Lines } from "./lines";
import { pause } from "./pause";
import { isGap, type LineRecord, parseLine } from "./record";
import { isDetail, isDetailHeader, severityOf } from "./severity";
import {
  ALL_SESSIONS,
  type DataSource,
  type HeaderPage,
  type Page,
  type Query,
  SHOWN_FIRST_RECORDS,
  SourceError,
  type SourceErrorCode,
  TAIL_FIRST_RECORDS,
} from "./source";

/** Lines per read: one page must be parsed well within a frame. */
const PAGE_LINES = 2_000;
/** Headers per read: a megabyte of numbers, parsed within a frame. */
const PAGE_HEADERS = 20_000;
/** The coverage strip has no room for more. */
const MOST_GAP_MARKS = 5_000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 5_000;

/** Failures that a retry cannot repair. */
const FINAL = new Set<SourceErrorCode>(["unauthorized", "bad_query", "store_changed"]);

/** `loading` history · `live` · `retrying` after an error · `failed` for good. */
export type FeedState = "loading" | "live" | "retrying" | "failed";

export class Feed {
  readonly head = new Columns();
  tail = new Columns();
  readonly state: Signal<FeedState> = signal("loading");
  readonly error: Signal<SourceError | null> = signal(null);
  /** Raised after each change, at most once a frame. */
  readonly version = signal(0);
  /** Whether all history has been read, and `version` has been raised since. */
  readonly complete = signal(false);
  /** How many rows of the tail were stored before this feed had caught up with the store; later ones are new. */
  historyRows = 0;
  /** How many of the rows are gaps, and how many seqs those cover. */
  gapRows = 0;
  gapSeqs = 0;
  /** How many of the rows begin a console group. */
  groupRows = 0;
  /** The first gaps, for the coverage strip. */
  readonly gaps: { ts: number; count: number; category: string }[] = [];

  private readonly abort = new AbortController();
  /** How many rows of the tail were put in front of its first ones. */
  private putInFront = 0;
  private scheduled = false;
  private caughtUp = false;
  private wait = RETRY_FIRST_MS;
  /** The cursor after which the tail begins; the head ends there. */
  private tailFrom: string | null = null;
  /** Cursors after what is in the head, and in the tail. */
  private filled: string | null = null;
  private followed: string | null = null;

  constructor(
    private readonly source: DataSource,
    readonly query: Query,
    readonly dictionary: Dictionary,
    readonly lines: Lines,
  ) {}

  private get overAll(): boolean {
    return this.query.session === ALL_SESSIONS;
  }

  get length(): number {
    return this.head.length + this.tail.length;
  }

  /** The row of the first record that was read. History grows in front of it. */
  get firstRead(): number {
    return this.head.length + this.putInFront;
  }

  at(i: number): Header {
    return i < this.head.length ? this.head.at(i) : this.tail.at(i - this.head.length);
  }

  ts(i: number): number {
    return (i < this.head.length ? this.head.ts[i] : this.tail.ts[i - this.head.length]) ?? 0;
  }

  severity(i: number): number {
    return (i < this.head.length ? this.head.severity[i] : this.tail.severity[i - this.head.length]) ?? 0;
  }

  foldKey(i: number): number {
    return (i < this.head.length ? this.head.fold[i] : this.tail.fold[i - this.head.length]) ?? NO_FOLD;
  }

  nest(i: number): number {
    return (i < this.head.length ? this.head.nest[i] : this.tail.nest[i - this.head.length]) ?? 0;
  }

  request(i: number): number {
    return (i < this.head.length ? this.head.request[i] : this.tail.request[i - this.head.length]) ?? NO_FOLD;
  }

  /** Whether the row says how its request has ended. */
  endsRequest(i: number): boolean {
    return endsRequest(this.dictionary.types.list[this.at(i).type] ?? "");
  }

  /** Whether the row is a move of a single-page application. */
  isRoute(i: number): boolean {
    const type = i < this.head.length ? this.head.type[i] : this.tail.type[i - this.head.length];
    return type === this.dictionary.types.find("page.history_updated");
  }

  /** A name of the row that stays the same while other rows come. */
  name(i: number): string {
    const { session, seq } = this.at(i);
    return `${session}:${seq}`;
  }

  /** Stores lines of rows that are listed already. */
  hold(lines: string[]): void {
    for (const line of lines) {
      const record = parseLine(line);
      if (record === null) continue;
      const seq = firstSeqOf(record);
      const session = this.dictionary.sessions.id(record.capture_session_id);
      this.lines.put(session, seq, line);
      if (isGap(record)) continue;
      const tab = Number(record.event.source.metadata?.tab_id ?? -1);
      this.dictionary.tabs.learn(session, tab, record.event, true);
    }
  }

  /** The row of a seq, or -1. */
  find(session: number, seq: number): number {
    const inTail = findIn(this.tail, session, seq);
    return inTail >= 0 ? inTail + this.head.length : findIn(this.head, session, seq);
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.abort.abort();
  }

  private async run(): Promise<void> {
    let isPlaced = false;
    // A filter may leave none of the last records, and over all sessions only the stream has positions.
    const isStaged = this.query.q === "" && !this.overAll;
    // One piece of work, so that the first lines are asked for before anything is rendered.
    await this.keep(async () => {
      if (!isPlaced) {
        const records = isStaged ? SHOWN_FIRST_RECORDS : TAIL_FIRST_RECORDS;
        this.tailFrom = await this.source.nearEnd(this.query, records, this.abort.signal);
        this.followed = this.tailFrom;
        isPlaced = true;
      }
      // Over all sessions the stream replays the beginning of the tail.
      if (!this.overAll) await this.readLines();
    });
    if (!this.overAll) this.caughtUp = true;
    if (isStaged && this.tailFrom !== null) {
      await painted();
      await this.keep(() => this.putMoreInFront());
    }
    if (this.tailFrom === null && !this.overAll) this.completed();
    if (this.tailFrom !== null) void this.keep(() => this.fill(this.tailFrom ?? ""));
    await this.keep(() => this.follow());
  }

  /** Repeats `work` after each failure that may pass, until it succeeds. */
  private async keep(work: () => Promise<void>): Promise<void> {
    const { signal: stop } = this.abort;
    this.wait = RETRY_FIRST_MS;
    while (!stop.aborted) {
      try {
        await work();
        return;
      } catch (cause) {
        if (stop.aborted) return;
        const error =
          cause instanceof SourceError ? cause : new SourceError(String(cause), "failed", { cause });
        this.error.value = error;
        if (FINAL.has(error.code)) {
          this.state.value = "failed";
          this.stop();
          return;
        }
        this.state.value = "retrying";
        await pause(this.wait, stop).catch(() => {});
        this.wait = Math.min(this.wait * 2, RETRY_MOST_MS);
      }
    }
  }

  private answered(): void {
    this.wait = RETRY_FIRST_MS;
    if (this.error.value !== null) this.error.value = null;
  }

  private async follow(): Promise<void> {
    for await (const page of this.source.follow(this.query, this.followed, this.abort.signal)) {
      this.answered();
      this.state.value = "live";
      this.take(page);
      if (this.tailFrom === null && page.end) this.completed();
      this.followed = page.next ?? this.followed;
    }
  }

  /** Reads lines into the tail, to the end of what is stored. */
  private async readLines(): Promise<void> {
    for (;;) {
      const page = await this.source.read(this.query, this.followed, PAGE_LINES, this.abort.signal);
      this.answered();
      this.take(page);
      this.followed = page.next ?? this.followed;
      if (page.end || this.abort.signal.aborted) return;
      await nextTask();
    }
  }

  /** Reads the records before the tail's first ones, and puts them in front of those. */
  private async putMoreInFront(): Promise<void> {
    const { signal } = this.abort;
    const from = await this.source.nearEnd(this.query, TAIL_FIRST_RECORDS, signal);
    const until = this.tail.length === 0 ? Number.POSITIVE_INFINITY : (this.tail.place[0] ?? 0);
    const pages: Page[] = [];
    for (let after = from; ; ) {
      const page = await this.source.read(this.query, after, PAGE_LINES, signal);
      this.answered();
      pages.push(page);
      after = page.next ?? after;
      const last = parseLine(page.lines.at(-1) ?? "");
      if (page.end || (last !== null && firstSeqOf(last) >= until)) break;
    }
    if (signal.aborted) return;
    const older = new Columns();
    for (const page of pages) this.appendLines(older, page, until);
    this.putInFront = older.length;
    this.historyRows += older.length;
    for (let i = 0; i < this.tail.length; i++) older.push(this.tail.at(i));
    this.tail = older;
    this.tailFrom = from;
    this.rowsMoved();
  }

  /** Fills the head with the headers of the records before the tail. */
  private async fill(until: string): Promise<void> {
    for (;;) {
      const page = await this.source.headers(this.query, this.filled, until, PAGE_HEADERS, this.abort.signal);
      this.answered();
      this.takeHeaders(page);
      this.filled = page.next ?? this.filled;
      if (this.abort.signal.aborted) return;
      if (page.end) break;
      await nextTask();
    }
    this.completed();
  }

  /** Appends headers to the head. */
  private takeHeaders(page: HeaderPage): void {
    if (this.abort.signal.aborted) return;
    const { dictionary, head } = this;
    const only = this.overAll ? 0 : dictionary.sessions.id(this.query.session);
    const sessions = page.sessions.map((name) => dictionary.sessions.id(name));
    const types = page.types.map((name) => dictionary.types.id(name));
    const categories = page.categories.map((name) => dictionary.categories.id(name));
    const gapType = dictionary.types.id(GAP_TYPE);
    let ts = head.length > 0 ? (head.ts[head.length - 1] ?? 0) : 0;
    for (let i = 0; i < page.seq.length; i++) {
      const seq = page.seq[i] ?? 0;
      const gap = page.gap[i] ?? 0;
      if (gap === 0) ts = page.ts[i] ?? 0;
      if (gap === 0 && isDetailHeader(page.types[page.type[i] ?? 0] ?? "", page.severity[i] ?? 1)) continue;
      const session = this.overAll ? (sessions[page.session[i] ?? 0] ?? 0) : only;
      const tab = page.tab[i] ?? -1;
      this.append(head, {
        session,
        seq,
        at: this.overAll ? (page.position[i] ?? 0) : seq,
        ts,
        type: gap > 0 ? gapType : (types[page.type[i] ?? 0] ?? 0),
        category: categories[page.category[i] ?? 0] ?? 0,
        severity: page.severity[i] ?? 1,
        tab,
        gap,
        fold: gap > 0 ? NO_FOLD : foldKeyOfType(session, page.types[page.type[i] ?? 0] ?? "", tab),
        nest: 0,
        request: NO_FOLD,
      });
    }
    this.rowsMoved();
  }

  private append(columns: Columns, header: Header): void {
    columns.push(header);
    if ((header.nest & 3) !== 0) this.groupRows++;
    if (header.gap > 0) {
      this.gapRows++;
      this.gapSeqs += header.gap;
      const category = this.dictionary.categories.list[header.category] ?? "";
      if (this.gaps.length < MOST_GAP_MARKS) this.gaps.push({ ts: header.ts, count: header.gap, category });
    }
  }

  /** Appends lines to the tail, and skips those that a new connection repeats. */
  private take(page: Page): void {
    if (this.abort.signal.aborted) return;
    if (page.dropped) {
      this.gapSeqs += page.dropped;
      this.changed();
    }
    this.appendLines(this.tail, page);
    if (!this.caughtUp) {
      this.historyRows = this.tail.length;
      this.caughtUp = this.overAll && page.end;
    }
    if (page.lines.length > 0) this.changed();
  }

  /** Appends lines of places before `until` to columns. */
  private appendLines(columns: Columns, page: Page, until = Number.POSITIVE_INFINITY): void {
    for (const [i, line] of page.lines.entries()) {
      const record = parseLine(line);
      // A detail is shown with its event.
      if (record === null || (!isGap(record) && isDetail(record.event))) continue;
      const header = this.header(columns, record, line);
      if (this.overAll) header.at = page.at?.[i] ?? 0;
      if (header.at >= until) return;
      if (columns.length > 0 && header.at <= (columns.place[columns.length - 1] ?? 0)) continue;
      this.append(columns, header);
      this.lines.put(header.session, header.seq, line);
    }
  }

  private header(columns: Columns, record: LineRecord, line: string): Header {
    const session = this.dictionary.sessions.id(record.capture_session_id);
    if (isGap(record)) {
      const { first_seq, last_seq, category } = record.gap;
      const last = columns.length > 0 ? columns.ts[columns.length - 1] : undefined;
      return {
        session,
        seq: first_seq,
        at: first_seq,
        ts: last ?? 0,
        type: this.dictionary.types.id(GAP_TYPE),
        category: this.dictionary.categories.id(category),
        severity: 2,
        tab: -1,
        gap: last_seq - first_seq + 1,
        fold: NO_FOLD,
        nest: 0,
        request: NO_FOLD,
      };
    }
    const { event, seq } = record;
    const { documents } = this.dictionary;
    if (event.url !== undefined) this.lines.saw(event.url);
    const { tab_id, frame_id, document_id } = event.source.metadata ?? {};
    const tab = Number(tab_id ?? -1);
    this.dictionary.tabs.learn(session, tab, event, false);
    return {
      session,
      seq,
      at: seq,
      ts: event.ts,
      type: this.dictionary.types.id(event.type),
      category: this.dictionary.categories.id(event.category),
      severity: severityOf(event),
      tab: Number.isInteger(tab) ? tab : -1,
      gap: 0,
      fold: foldKey(session, event, line, this.dictionary.texts),
      request: requestKey(session, event),
      nest:
        event.category === "console"
          ? packNest(1 + documents.id(`${session} ${tab_id} ${document_id ?? frame_id}`), event)
          : 0,
    };
  }

  private completed(): void {
    if (this.complete.value) return;
    requestFrame(() =>
      batch(() => {
        this.complete.value = true;
        this.version.value++;
      }),
    );
  }

  /** Reports at once that rows have new numbers: by the old ones, a reader would find other records. */
  private rowsMoved(): void {
    this.version.value++;
  }

  private changed(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestFrame(() => {
      this.scheduled = false;
      this.version.value++;
    });
  }
}

function firstSeqOf(record: LineRecord): number {
  return isGap(record) ? record.gap.first_seq : record.seq;
}

function findIn(columns: Columns, session: number, seq: number): number {
  for (let i = columns.length - 1; i >= 0; i--) {
    if (columns.seq[i] === seq && columns.session[i] === session) return i;
  }
  return -1;
}

/** Lets input and painting go first. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
