/**
 * Everything that matches one query, oldest first, growing as more is read and as more happens.
 *
 * A feed of one long session shows its newest records first and fills in the rest behind them, so that
 * looking at "now" never waits for history: `head` grows from the oldest record, `tail` from a little
 * before now, and together they are one list. Nothing is skipped: what the source could not give is a
 * gap record, and a source that stops answering is a state with a reason.
 */
import { type Signal, signal } from "@preact/signals";
import { Columns, type Dictionary, GAP_TYPE, type Header } from "./columns";
import type { Lines } from "./lines";
import { isGap, type LineRecord, parseLine } from "./record";
import { severityOf } from "./severity";
import { type DataSource, type Page, type Query, SourceError } from "./source";

/** Lines a read: one page must parse well within a frame's leisure. */
const PAGE_LINES = 4_000;
/** A session longer than this shows its last records first. */
const TAIL_FIRST_SEQS = 2_000;
/** The strip has no room for more. */
const MOST_GAP_MARKS = 5_000;
const RETRY_FIRST_MS = 500;
const RETRY_MOST_MS = 5_000;

/** `loading` history · `live` · `retrying` after an error · `failed` for good. */
export type FeedState = "loading" | "live" | "retrying" | "failed";

export class Feed {
  readonly head = new Columns();
  readonly tail = new Columns();
  readonly state: Signal<FeedState> = signal("loading");
  readonly error: Signal<SourceError | null> = signal(null);
  /** Raised after each change, at most once a frame. */
  readonly version = signal(0);
  /** Whether all history has been read. */
  readonly complete = signal(false);
  readonly byCategory: number[] = [];
  readonly bySeverity = [0, 0, 0, 0];
  gapSeqs = 0;
  /** Where the first gaps are, for the coverage strip. */
  readonly gaps: { ts: number; count: number; category: string }[] = [];

  private readonly abort = new AbortController();
  private scheduled = false;

  constructor(
    private readonly source: DataSource,
    readonly query: Query,
    readonly dictionary: Dictionary,
    readonly lines: Lines,
    /** The session's latest seq when it is known, to begin near the end. */
    private readonly latestSeq: number,
  ) {}

  get length(): number {
    return this.head.length + this.tail.length;
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

  record(header: Header): LineRecord | undefined {
    return this.lines.record(header.session, header.seq);
  }

  /** Keeps lines that were read again for rows already listed. */
  hold(lines: string[]): void {
    for (const line of lines) {
      const record = parseLine(line);
      if (record === null) continue;
      const seq = isGap(record) ? record.gap.first_seq : record.seq;
      this.lines.put(this.dictionary.sessions.id(record.capture_session_id), seq, line);
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
    const { signal: stop } = this.abort;
    let wait = RETRY_FIRST_MS;
    let filled: string | null = null;
    let followed: string | null = null;
    let tailFrom = Number.POSITIVE_INFINITY;
    while (!stop.aborted) {
      try {
        if (followed === null && this.latestSeq > TAIL_FIRST_SEQS * 2) {
          tailFrom = this.latestSeq - TAIL_FIRST_SEQS + 1;
          followed = this.source.cursorBefore(tailFrom);
        }
        if (followed !== null && tailFrom !== Number.POSITIVE_INFINITY) {
          followed = await this.readToEnd(this.tail, followed, Number.POSITIVE_INFINITY);
        }
        const follow = async (from: string | null): Promise<void> => {
          this.state.value = "live";
          for await (const page of this.source.follow(this.query, from, stop)) {
            wait = RETRY_FIRST_MS;
            if (this.error.value !== null) this.error.value = null;
            this.take(this.tail, page);
            followed = page.next ?? followed;
          }
        };
        const fill = async (): Promise<void> => {
          if (this.complete.value) return;
          filled = await this.readToEnd(this.head, filled, tailFrom, (cursor) => {
            filled = cursor;
          });
          this.complete.value = true;
        };
        if (tailFrom === Number.POSITIVE_INFINITY) {
          await fill();
          await follow(followed ?? filled);
        } else {
          await Promise.all([fill(), follow(followed)]);
        }
      } catch (cause) {
        if (stop.aborted) return;
        const error =
          cause instanceof SourceError ? cause : new SourceError(String(cause), "failed", { cause });
        this.error.value = error;
        if (error.code === "unauthorized" || error.code === "bad_query" || error.code === "store_changed") {
          this.state.value = "failed";
          return;
        }
        this.state.value = "retrying";
        await sleep(wait, stop);
        wait = Math.min(wait * 2, RETRY_MOST_MS);
      }
    }
  }

  /** Reads pages into `columns` until the source has no more or `before` is reached; returns the cursor. */
  private async readToEnd(
    columns: Columns,
    from: string | null,
    before: number,
    onPage?: (cursor: string | null) => void,
  ): Promise<string | null> {
    const { signal: stop } = this.abort;
    let cursor = from;
    for (;;) {
      const page = await this.source.read(this.query, cursor, PAGE_LINES, stop);
      const reached = this.take(columns, page, before);
      cursor = page.next ?? cursor;
      onPage?.(cursor);
      if (reached || page.end) return cursor;
      await nextTask();
      if (stop.aborted) return cursor;
    }
  }

  /** Appends a page; true when `before` was reached. */
  private take(columns: Columns, page: Page, before = Number.POSITIVE_INFINITY): boolean {
    for (const line of page.lines) {
      const record = parseLine(line);
      if (record === null) continue;
      const header = this.header(columns, record);
      if (header.seq >= before) {
        this.changed();
        return true;
      }
      columns.push(header);
      this.lines.put(header.session, header.seq, line);
      if (header.gap > 0) {
        this.gapSeqs += header.gap;
        const category = this.dictionary.categories.list[header.category] ?? "";
        if (this.gaps.length < MOST_GAP_MARKS) this.gaps.push({ ts: header.ts, count: header.gap, category });
      } else {
        this.byCategory[header.category] = (this.byCategory[header.category] ?? 0) + 1;
        this.bySeverity[header.severity] = (this.bySeverity[header.severity] ?? 0) + 1;
      }
    }
    if (page.lines.length > 0) this.changed();
    return false;
  }

  private header(columns: Columns, record: LineRecord): Header {
    const session = this.dictionary.sessions.id(record.capture_session_id);
    if (isGap(record)) {
      const { first_seq, last_seq, category } = record.gap;
      const last = columns.length > 0 ? columns.ts[columns.length - 1] : undefined;
      return {
        session,
        seq: first_seq,
        ts: last ?? 0,
        type: this.dictionary.types.id(GAP_TYPE),
        category: this.dictionary.categories.id(category),
        severity: 2,
        tab: -1,
        gap: last_seq - first_seq + 1,
      };
    }
    const { event, seq } = record;
    if (event.url !== undefined) this.lines.saw(event.url);
    const tab = Number(event.source.metadata?.tab_id ?? -1);
    return {
      session,
      seq,
      ts: event.ts,
      type: this.dictionary.types.id(event.type),
      category: this.dictionary.categories.id(event.category),
      severity: severityOf(event),
      tab: Number.isInteger(tab) ? tab : -1,
      gap: 0,
    };
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

function findIn(columns: Columns, session: number, seq: number): number {
  for (let i = columns.length - 1; i >= 0; i--) {
    if (columns.seq[i] === seq && columns.session[i] === session) return i;
  }
  return -1;
}

/** A frame when someone is looking, a timer when the page is hidden and gets no frames. */
function requestFrame(run: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 250);
}

/** Lets input and painting go first. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
