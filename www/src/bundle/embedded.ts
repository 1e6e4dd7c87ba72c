/**
 * Records that are part of the page as a data source: what the viewer in a bundle reads.
 *
 * Nothing is added to them, so {@link EmbeddedSource.follow} yields them once. Over all sessions, a record's position is
 * its line's number.
 */
import { Lines, TabtapeError } from "../../../src/web/index";
import { Names } from "../data/columns";
import { coverageFrom, type Watching } from "../data/coverage";
import { asNumber, isGap, type LineRecord, parseLine } from "../data/record";
import { SEVERITIES, severityOf } from "../data/severity";
import {
  ALL_SESSIONS,
  type DataSource,
  type FileFormat,
  HeaderPage,
  type Page,
  type Query,
  SessionSummary,
  SourceError,
} from "../data/source";

const WARN = 2;
/** Queries whose lines are remembered. */
const MAX_QUERIES = 8;

export class EmbeddedSource implements DataSource {
  readonly kind = "bundle";
  readonly files: readonly FileFormat[] = ["har"];
  readonly #lines: string[];
  readonly #records: LineRecord[];
  readonly #memory: Lines;
  readonly #coverage: Map<string, Watching>;
  readonly #sessions: SessionSummary[];
  /** The indexes of the lines of a query, by its JSON. */
  readonly #selected = new Map<string, number[]>();

  constructor(ndjson: string, coverage: unknown) {
    this.#lines = [];
    this.#records = [];
    for (const line of ndjson.split("\n")) {
      const record = parseLine(line);
      if (record === null) continue;
      this.#lines.push(line);
      this.#records.push(record);
    }
    this.#memory = new Lines(this.#lines.join("\n"));
    this.#coverage = coverageFrom(coverage);
    this.#sessions = summaries(this.#records);
  }

  async sessions(): Promise<SessionSummary[]> {
    return this.#sessions;
  }

  async coverage(): Promise<Map<string, Watching>> {
    return this.#coverage;
  }

  cursorBefore(_query: Query, at: number): string {
    return String(at - 1);
  }

  async nearEnd(query: Query, records: number): Promise<string | null> {
    const selected = this.#select(query);
    if (selected.length <= records * 2) return null;
    return String(this.#end(query, selected[selected.length - records - 1] ?? 0));
  }

  async read(query: Query, after: string | null, limit: number): Promise<Page> {
    const { found, isLast } = this.#page(query, Number(after ?? 0), Number.POSITIVE_INFINITY, limit);
    const at = found.map((index) => this.#end(query, index));
    return {
      lines: found.map((index) => this.#lines[index] ?? ""),
      at,
      next: at.length === 0 ? after : String(at.at(-1)),
      end: isLast,
    };
  }

  async headers(query: Query, after: string | null, until: string, limit: number): Promise<HeaderPage> {
    const { found, isLast } = this.#page(query, Number(after ?? 0), Number(until), limit);
    const overAll = query.session === ALL_SESSIONS;
    const sessions = new Names();
    const types = new Names();
    const categories = new Names();
    const page: HeaderPage = {
      ...new HeaderPage(),
      position: overAll ? found.map((index) => index + 1) : [],
      sessions: sessions.list,
      types: types.list,
      categories: categories.list,
      next: isLast ? until : String(this.#end(query, found.at(-1) ?? 0)),
      end: isLast,
    };
    for (const index of found) {
      const record = this.#records[index] as LineRecord;
      if (overAll) page.session.push(sessions.id(record.capture_session_id));
      if (isGap(record)) {
        const { first_seq, last_seq, category } = record.gap;
        page.seq.push(first_seq);
        page.ts.push(0);
        page.type.push(0);
        page.category.push(categories.id(category));
        page.severity.push(WARN);
        page.tab.push(-1);
        page.gap.push(last_seq - first_seq + 1);
      } else {
        const { seq, event } = record;
        page.seq.push(seq);
        page.ts.push(event.ts);
        page.type.push(types.id(event.type));
        page.category.push(categories.id(event.category));
        page.severity.push(severityOf(event));
        page.tab.push(Number(event.source.metadata?.tab_id ?? -1));
        page.gap.push(0);
      }
    }
    return page;
  }

  async file(query: Query, _format: FileFormat, requestId: string | null): Promise<string> {
    const lines = this.#select(query).map((index) => this.#lines[index]);
    return new Lines(lines.join("\n")).har(requestId ?? undefined);
  }

  async *follow(query: Query, after: string | null, signal: AbortSignal): AsyncGenerator<Page> {
    yield await this.read(query, after, Number.POSITIVE_INFINITY);
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** Returns the cursor after a record. */
  #end({ session }: Query, index: number): number {
    if (session === ALL_SESSIONS) return index + 1;
    const record = this.#records[index] as LineRecord;
    return isGap(record) ? record.gap.last_seq : record.seq;
  }

  #page(query: Query, after: number, until: number, limit: number) {
    const within = this.#select(query).filter((index) => {
      const end = this.#end(query, index);
      return end > after && end <= until;
    });
    return { found: within.slice(0, limit), isLast: within.length <= limit };
  }

  /** Returns the indexes of the lines of a query, in its order. */
  #select({ session, q }: Query): number[] {
    const key = JSON.stringify([session, q]);
    const known = this.#selected.get(key);
    if (known !== undefined) return known;
    let selected: number[];
    try {
      selected = this.#memory.select(q);
    } catch (cause) {
      if (!(cause instanceof TabtapeError)) throw cause;
      throw new SourceError(cause.message, cause.code === "invalid_selector" ? "bad_query" : "failed", {
        cause,
      });
    }
    if (session !== ALL_SESSIONS) {
      selected = selected.filter((index) => this.#records[index]?.capture_session_id === session);
      selected.sort((a, b) => this.#end({ session, q }, a) - this.#end({ session, q }, b));
    }
    if (this.#selected.size >= MAX_QUERIES) this.#selected.clear();
    this.#selected.set(key, selected);
    return selected;
  }
}

/** Returns the sessions of records, the newest first. */
function summaries(records: LineRecord[]): SessionSummary[] {
  const found = new Map<string, SessionSummary>();
  for (const record of records) {
    const id = record.capture_session_id;
    let summary = found.get(id);
    if (summary === undefined) {
      summary = new SessionSummary(id, "");
      found.set(id, summary);
    }
    if (isGap(record)) {
      const { first_seq, last_seq, reason } = record.gap;
      summary.gaps[reason] = (summary.gaps[reason] ?? 0) + last_seq - first_seq + 1;
      summary.latest_seq = Math.max(summary.latest_seq, last_seq);
      continue;
    }
    const { seq, event } = record;
    const severity = SEVERITIES[severityOf(event)] ?? "info";
    const ts = asNumber(event.ts) ?? 0;
    summary.latest_seq = Math.max(summary.latest_seq, seq);
    summary.events++;
    summary.categories[event.category] = (summary.categories[event.category] ?? 0) + 1;
    summary.severities[severity]++;
    summary.first_ts = Math.min(summary.first_ts ?? ts, ts);
    summary.last_ts = Math.max(summary.last_ts ?? ts, ts);
  }
  return [...found.values()].sort((a, b) => (b.first_ts ?? 0) - (a.first_ts ?? 0));
}
