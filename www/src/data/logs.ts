/**
 * The extension's own category logs as a data source: what the viewer reads when there is no collector.
 *
 * It never writes. Over all sessions, a record's position is its seq plus the seqs of all earlier sessions: an
 * extension records one session at a time, so this is the order of commit. New commits are found by polling the
 * sessions' heads, one small row each, and only while the page is visible.
 */
import {
  Lines,
  type LoggedSession,
  type LogReader,
  type SessionTally,
  TabtapeError,
} from "../../../src/web/index";
import { type Watching, watchingFrom } from "./coverage";
import { pause } from "./pause";
import {
  ALL_SESSIONS,
  type DataSource,
  type FileFormat,
  HeaderPage,
  type Page,
  type Query,
  type SessionSummary,
  SourceError,
  type SourceErrorCode,
} from "./source";

const LOOK_EVERY_MS = 250;
/** The collector reports the same number. */
const MOST_SESSIONS = 50;
/** The longest time that one answer spends on counting sessions; the next answer continues. */
const TALLY_BUDGET_MS = 150;
const NOTHING: SessionTally = {
  after_seq: 0,
  first_ts: null,
  last_ts: null,
  events: 0,
  counts: {},
  gaps: {},
};

/** A session that a query covers. A record's place is its seq plus `base`. */
interface Stretch {
  session: string;
  base: number;
  latest: number;
}

export class LogsSource implements DataSource {
  readonly kind = "logs";
  readonly files: readonly FileFormat[] = ["har"];
  readonly #tallies = new Map<string, SessionTally>();
  /** Sessions in order of age. A session keeps its base when earlier ones are deleted. */
  readonly #known = new Map<string, Stretch>();
  /** Bytes of each session when last seen; fewer bytes mean that records were deleted. */
  readonly #bytes = new Map<string, number>();

  constructor(private readonly logs: LogReader) {}

  async sessions(): Promise<SessionSummary[]> {
    const sessions = await withSourceErrors(this.logs.sessions());
    this.#recountWhatShrank(sessions);
    const until = performance.now() + TALLY_BUDGET_MS;
    // The newest first, because it is the one that is open.
    for (const { session, latest_seq } of [...sessions].reverse()) {
      while ((this.#tallies.get(session)?.after_seq ?? 0) < latest_seq && performance.now() < until) {
        const tally = await withSourceErrors(this.logs.tally(session));
        const before = this.#tallies.get(session)?.after_seq ?? 0;
        this.#tallies.set(session, tally);
        if (tally.after_seq === before) break;
      }
    }
    return sessions.map((session) => summaryOf(session, this.#tallies.get(session.session) ?? NOTHING));
  }

  async coverage(session: string): Promise<Map<string, Watching>> {
    const sessions = await withSourceErrors(this.logs.sessions());
    const found = new Map<string, Watching>();
    const asked = sessions.filter(({ session: id }) => session === ALL_SESSIONS || id === session);
    for (const { session: id, committed_ms, latest_seq } of asked.slice(-MOST_SESSIONS)) {
      const watching = watchingFrom(await withSourceErrors(this.logs.coverage(id)));
      const last = watching.watched.at(-1);
      // A browser that was killed records no end: a session with a successor ended with its last commit.
      if (last?.to_ts === null && id !== sessions.at(-1)?.session) {
        const tally = this.#tallies.get(id);
        const counted = tally !== undefined && tally.after_seq >= latest_seq;
        last.to_ts = Math.max(last.from_ts, (counted ? tally.last_ts : null) ?? committed_ms * 1000);
      }
      found.set(id, watching);
    }
    return found;
  }

  cursorBefore(_query: Query, at: number): string {
    return String(at - 1);
  }

  async nearEnd(query: Query, records: number): Promise<string | null> {
    const latest = await this.#end(query);
    return latest <= records * 2 ? null : String(latest - records);
  }

  async read(query: Query, after: string | null, limit: number, signal?: AbortSignal): Promise<Page> {
    const page: Page & { at: number[] } = { lines: [], at: [], next: after, end: true };
    for (const { session, base, latest } of await this.#stretches(query)) {
      let cursor = Math.max(0, Number(page.next ?? 0) - base);
      let isLast = cursor >= latest;
      while (!isLast && page.lines.length < limit) {
        signal?.throwIfAborted();
        const read = await withSourceErrors(
          this.logs.read(session, cursor, query.q, limit - page.lines.length),
        );
        for (const line of read.lines) {
          page.lines.push(line);
          page.at.push(base + seqOf(line));
        }
        cursor = Math.max(cursor, read.afterSeq);
        page.next = String(base + cursor);
        isLast = read.isLast;
      }
      if (!isLast) {
        page.end = false;
        break;
      }
    }
    return page;
  }

  async headers(
    query: Query,
    after: string | null,
    until: string,
    limit: number,
    signal?: AbortSignal,
  ): Promise<HeaderPage> {
    const stretches = await this.#stretches(query);
    for (const [i, { session, base, latest }] of stretches.entries()) {
      const cursor = Math.max(0, Number(after ?? 0) - base);
      const end = Math.min(latest, Number(until) - base);
      if (cursor >= end) continue;
      signal?.throwIfAborted();
      const { columns, afterSeq, isLast } = await withSourceErrors(
        this.logs.headers(session, cursor, end, query.q, limit),
      );
      const overAll = query.session === ALL_SESSIONS;
      return {
        ...columns,
        position: overAll ? columns.seq.map((seq) => base + seq) : [],
        session: overAll ? columns.seq.map(() => 0) : [],
        sessions: overAll ? [session] : [],
        next: String(base + Math.min(end, isLast ? end : afterSeq)),
        end: isLast && (i === stretches.length - 1 || base + end >= Number(until)),
      };
    }
    return { ...new HeaderPage(), next: until };
  }

  async file(
    query: Query,
    _format: FileFormat,
    requestId: string | null,
    signal?: AbortSignal,
  ): Promise<string> {
    const lines: string[] = [];
    let page: Page = { lines: [], next: null, end: false };
    while (!page.end) {
      page = await this.read(query, page.next, FOLLOW_LINES, signal);
      for (const line of page.lines) if (line.includes('"network"')) lines.push(line);
    }
    return new Lines(lines.join("\n")).har(requestId ?? undefined);
  }

  async *follow(query: Query, after: string | null, signal: AbortSignal): AsyncGenerator<Page> {
    let cursor = after;
    for (;;) {
      // Pages follow each other without a pause until all are read.
      const page = await this.read(query, cursor, FOLLOW_LINES, signal);
      cursor = page.next;
      yield page;
      if (!page.end) continue;
      await pause(LOOK_EVERY_MS, signal);
      await grown(() => this.#end(query), Number(cursor ?? 0), signal);
    }
  }

  /** Returns the place of the last record that the query covers. */
  async #end(query: Query): Promise<number> {
    const last = (await this.#stretches(query)).at(-1);
    return last === undefined ? 0 : last.base + last.latest;
  }

  async #stretches({ session }: Query): Promise<Stretch[]> {
    const sessions = await withSourceErrors(this.logs.sessions());
    if (session !== ALL_SESSIONS) {
      const found = sessions.find((s) => s.session === session);
      return found === undefined ? [] : [{ session, base: 0, latest: found.latest_seq }];
    }
    const known = this.#known;
    return sessions.map(({ session: id, latest_seq: latest }) => {
      // A session begins after the one before it, which no longer grows.
      const before = [...known.values()].at(-1);
      const base = known.get(id)?.base ?? (before === undefined ? 0 : before.base + before.latest);
      const stretch = { session: id, base, latest };
      known.set(id, stretch);
      return stretch;
    });
  }

  #recountWhatShrank(sessions: LoggedSession[]): void {
    const shrunk = sessions.some(({ session, bytes }) => bytes < (this.#bytes.get(session) ?? 0));
    for (const { session, bytes } of sessions) this.#bytes.set(session, bytes);
    if (!shrunk) return;
    this.#tallies.clear();
    this.logs.tallyAnew();
  }
}

const FOLLOW_LINES = 2_000;

/** Waits until `end` lies beyond `cursor` and the page is visible. */
async function grown(end: () => Promise<number>, cursor: number, signal: AbortSignal): Promise<void> {
  while (document.visibilityState === "hidden" || (await end()) <= cursor) {
    await pause(LOOK_EVERY_MS, signal);
  }
}

/** Returns the first seq of a line, which the recorder writes near its beginning. */
function seqOf(line: string): number {
  const found = /^\{"capture_session_id":"[^"]*",(?:"seq":(\d+)|"gap":\{"first_seq":(\d+))/.exec(line);
  return Number(found?.[1] ?? found?.[2] ?? 0);
}

function summaryOf(
  { session, latest_seq, committed_ms }: LoggedSession,
  { after_seq, first_ts, last_ts, events, counts, gaps }: SessionTally,
): SessionSummary {
  const categories: Record<string, number> = {};
  const severities = { debug: 0, info: 0, warn: 0, error: 0 };
  for (const [category, [debug, info, warn, error]] of Object.entries(counts)) {
    categories[category] = debug + info + warn + error;
    severities.debug += debug;
    severities.info += info;
    severities.warn += warn;
    severities.error += error;
  }
  const counted = after_seq >= latest_seq;
  return {
    id: session,
    producer: "",
    first_ts: first_ts ?? (latest_seq > 0 ? beganAt(session) : null),
    last_ts: counted ? last_ts : committed_ms * 1000,
    latest_seq,
    // Not counted yet, and most seqs are events.
    events: counted ? events : Math.max(events, latest_seq),
    counted,
    gaps,
    missing: 0,
    categories,
    severities,
  };
}

/** Returns the time in a session's id, a UUIDv7 that begins with milliseconds. */
function beganAt(session: string): number {
  return Number.parseInt(session.replace("-", "").slice(0, 12), 16) * 1000;
}

const CODES: Record<string, SourceErrorCode> = {
  invalid_selector: "bad_query",
  log_missing: "store_changed",
  log_version_change: "failed",
  no_indexeddb: "failed",
};

/** Turns an error of the logs into a {@link SourceError}. */
async function withSourceErrors<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (!(cause instanceof TabtapeError)) throw cause;
    throw new SourceError(cause.message, CODES[cause.code] ?? "unreachable", { cause });
  }
}
