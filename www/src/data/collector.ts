/**
 * The collector's HTTP interface as a data source.
 *
 * Every request carries the read token as a Bearer header; there are no cookies and no token in an
 * address. Live events come through a streaming fetch, because `EventSource` cannot send headers.
 */
import { createParser } from "eventsource-parser";
import type { AddressState } from "../address";
import { coverageFrom, type Watching } from "./coverage";
import { type Diagnosis, diagnosisFrom } from "./problems";
import type { Range } from "./range";
import { asArray, asNumber, asObject, asString, eventsIn, isGap, parseLine } from "./record";
import {
  ALL_SESSIONS,
  type DataSource,
  type FileFormat,
  type HeaderPage,
  type Page,
  type Query,
  type SessionSummary,
  SHOWN_FIRST_RECORDS,
  SourceError,
} from "./source";

/** Records of the first read that looks for an event; each later one takes twice as many. */
const FIRST_LOOK = 20;
const MOST_LOOK = 2_000;
const NDJSON = { accept: "application/x-ndjson" };

export class CollectorSource implements DataSource {
  readonly kind = "collector";
  readonly files: readonly FileFormat[] = ["har", "markdown", "playwright", "bundle"];
  /** The store of the cursors: over all sessions they are its positions. */
  #storeId = "";
  /** The last seqs of the sessions, as they were listed last. */
  readonly #latest = new Map<string, number>();
  #sessionsAhead: Promise<SessionSummary[]> | null = null;
  /** The newest lines of a session, requested before it is known which one that is. */
  #ahead: Promise<string[]> | null = null;
  /** The lines after a cursor that were read ahead. */
  #held: { session: string; after: string | null; lines: string[] } | null = null;

  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  sessions(signal?: AbortSignal): Promise<SessionSummary[]> {
    const ahead = this.#sessionsAhead;
    this.#sessionsAhead = null;
    return ahead ?? this.#listed(signal);
  }

  async #listed(signal?: AbortSignal): Promise<SessionSummary[]> {
    const reply = asObject(await (await this.#get("/v1/sessions", {}, {}, signal)).json());
    const sessions = asArray(reply.sessions).map(summaryOf);
    for (const { id, latest_seq } of sessions) this.#latest.set(id, latest_seq);
    return sessions;
  }

  async coverage(session: string): Promise<Map<string, Watching>> {
    const asked = { session: sessionOf({ session, q: "" }) };
    return coverageFrom(await (await this.#get("/v1/coverage", asked, {})).json());
  }

  async problems({ session, q }: Query): Promise<Diagnosis> {
    const asked = session === ALL_SESSIONS ? q : `session:${session} ${q}`;
    return diagnosisFrom(await (await this.#get("/v1/diagnose", { q: asked }, {})).json());
  }

  cursorBefore(query: Query, at: number): string {
    return query.session === ALL_SESSIONS ? `${this.#storeId}:${at - 1}` : String(at - 1);
  }

  /**
   * Requests the sessions, and the newest lines of the one that an address names, for the first calls of `sessions`,
   * `nearEnd` and `read`. The promise is fulfilled when both have been answered or have failed.
   */
  readAhead({ session, q }: AddressState): Promise<unknown> {
    this.#sessionsAhead = this.#listed();
    // The lines of a filter may be far from each other.
    if (q === "" && session !== ALL_SESSIONS) {
      const asked = { session: session ?? "newest", newest: "true", limit: String(SHOWN_FIRST_RECORDS) };
      this.#ahead = this.#get("/v1/events", asked, NDJSON).then(linesOf);
    }
    return Promise.allSettled([this.#sessionsAhead, this.#ahead]);
  }

  async nearEnd(query: Query, records: number, signal?: AbortSignal): Promise<string | null> {
    // The first rows wait for this: the end of a session is known from the list of sessions.
    const latest = this.#latest.get(query.session) ?? (await this.#end(query, signal));
    const ahead = records === SHOWN_FIRST_RECORDS ? await this.#takeAhead(query) : [];
    const first = parseLine(ahead[0] ?? "");
    // Reading twice as many at once is as fast as splitting them.
    const isWhole = latest <= records * 2;
    if (first === null || (isWhole && ahead.length === records))
      return isWhole ? null : this.cursorBefore(query, latest - records + 1);
    const after = isWhole ? null : this.cursorBefore(query, isGap(first) ? first.gap.first_seq : first.seq);
    this.#held = { session: query.session, after, lines: ahead };
    return after;
  }

  /** Returns the lines that were read ahead if they are of this query, else none. */
  async #takeAhead({ session, q }: Query): Promise<string[]> {
    const ahead = this.#ahead;
    this.#ahead = null;
    if (ahead === null || q !== "" || session === ALL_SESSIONS) return [];
    const lines = await ahead.catch(() => []);
    return parseLine(lines[0] ?? "")?.capture_session_id === session ? lines : [];
  }

  async #end(query: Query, signal?: AbortSignal): Promise<number> {
    const session = sessionOf(query);
    const asked = { session, after: "latest", limit: "1", format: "json", coverage: "false" };
    const body = asObject(await (await this.#get("/v1/events", asked, {}, signal)).json());
    this.#storeId = asString(body.store_id) ?? "";
    return positionOf(asString(body.resume) ?? "0");
  }

  async read(query: Query, after: string | null, limit: number, signal?: AbortSignal): Promise<Page> {
    const held = this.#held;
    if (held?.session === query.session && held.after === after && query.q === "") {
      this.#held = null;
      return { lines: held.lines, next: cursorAfter(held.lines.at(-1)) ?? after, end: true };
    }
    const asked = { q: query.q, session: sessionOf(query), after, limit: String(limit) };
    const reply = await this.#get("/v1/events", asked, NDJSON, signal);
    const lines = await linesOf(reply);
    const next = reply.headers.get("x-tabtape-next");
    return { lines, next: next ?? cursorAfter(lines.at(-1)) ?? after, end: next === null };
  }

  async hasEvents({ session, q }: Query, { from, to }: Range, signal?: AbortSignal): Promise<boolean> {
    const query = { session, q: `${q} since:${from} until:${to}` };
    let after: string | null = null;
    for (let limit = FIRST_LOOK; ; limit = Math.min(2 * limit, MOST_LOOK)) {
      const page = await this.read(query, after, limit, signal);
      // Gaps have no time: all of them are in the answer.
      if (eventsIn(page.lines).length > 0) return true;
      if (page.end) return false;
      after = page.next;
    }
  }

  async headers(
    query: Query,
    after: string | null,
    until: string,
    limit: number,
    signal?: AbortSignal,
  ): Promise<HeaderPage> {
    const reply = await this.#get(
      "/v1/headers",
      { q: query.q, session: sessionOf(query), after, until, limit: String(limit) },
      { accept: "application/json" },
      signal,
    );
    const body = (await reply.json()) as Omit<HeaderPage, "end" | "next"> & {
      next: string | null;
      resume: string;
    };
    return { ...body, next: body.next ?? body.resume, end: body.next === null };
  }

  async file(
    query: Query,
    format: FileFormat,
    requestId: string | null,
    signal?: AbortSignal,
  ): Promise<string> {
    const asked = { q: query.q, session: sessionOf(query), format, request: requestId };
    return (await this.#get("/v1/export", asked, {}, signal)).text();
  }

  async *follow(query: Query, after: string | null, signal: AbortSignal): AsyncGenerator<Page> {
    const reply = await this.#get(
      "/v1/stream",
      { q: query.q, session: sessionOf(query), after },
      { accept: "text/event-stream" },
      signal,
    );
    if (reply.body === null) throw new SourceError("the collector's stream has no body", "failed");
    let lines: string[] = [];
    let at: number[] = [];
    let next = after;
    let dropped = 0;
    let live = false;
    const parser = createParser({
      onEvent: (message) => {
        next = message.id ?? next;
        // Over all sessions only a count is known, not the session of each dropped record.
        if (message.event === "dropped" && query.session === ALL_SESSIONS) {
          dropped += asNumber(asObject(JSON.parse(message.data)).count) ?? 0;
          return;
        }
        const line = message.event === "dropped" ? droppedLine(query, message.data) : message.data;
        lines.push(line);
        at.push(positionOf(message.id ?? ""));
      },
      // Sent once, after the replay of history.
      onComment: (comment) => (live ||= comment.trim() === "live"),
    });
    const reader = reply.body.getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        parser.feed(decoder.decode(value, { stream: true }));
        // An empty page reports that the connection is alive.
        yield { lines, at, next, end: live, dropped };
        dropped = 0;
        lines = [];
        at = [];
      }
    } catch (cause) {
      throw new SourceError("the collector's stream broke off", "unreachable", { cause });
    } finally {
      await reader.cancel().catch(() => undefined);
    }
    throw new SourceError("the collector closed its stream", "unreachable");
  }

  async #get(
    path: string,
    parameters: Record<string, string | null>,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Response> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== null && value !== "") url.searchParams.set(name, value);
    }
    let reply: Response;
    try {
      reply = await fetch(url, {
        headers: { ...headers, authorization: `Bearer ${this.token}` },
        cache: "no-store",
        credentials: "omit",
        ...(signal ? { signal } : {}),
      });
    } catch (cause) {
      throw new SourceError(`no answer from the collector at ${url.host}`, "unreachable", { cause });
    }
    if (reply.ok) return reply;
    throw await errorOf(reply);
  }
}

async function linesOf(reply: Response): Promise<string[]> {
  const lines = (await reply.text()).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function sessionOf(query: Query): string | null {
  return query.session === ALL_SESSIONS ? null : query.session;
}

/** Returns the gap line for records that retention deleted before they were read. */
function droppedLine({ session }: Query, data: string): string {
  const { count, next } = asObject(JSON.parse(data));
  const last_seq = positionOf(asString(next) ?? "0");
  const gap = {
    first_seq: last_seq - (asNumber(count) ?? 1) + 1,
    last_seq,
    category: "system",
    reason: "not_retained",
  };
  return JSON.stringify({ capture_session_id: session, gap });
}

/** Returns the number in a cursor, which is `store_id:position` or a seq. */
function positionOf(cursor: string): number {
  return Number(cursor.slice(cursor.lastIndexOf(":") + 1));
}

/** Returns the cursor after a line: its last seq. */
function cursorAfter(line: string | undefined): string | null {
  const record = line === undefined ? null : parseLine(line);
  if (record === null) return null;
  return String(isGap(record) ? record.gap.last_seq : record.seq);
}

/** Returns the error of a problem+json reply, classified by its remedy. */
async function errorOf(reply: Response): Promise<SourceError> {
  const problem = asObject(await reply.json().catch(() => null));
  const detail =
    asString(problem.detail) ?? asString(problem.title) ?? `the collector answered ${reply.status}`;
  const text = detail.replace(/^q: /, "");
  switch (reply.status) {
    case 401:
    case 403:
      return new SourceError(text, "unauthorized");
    case 400:
      return new SourceError(text, asString(problem.code) === "cursor_ahead" ? "store_changed" : "bad_query");
    case 410:
      return new SourceError(text, "store_changed");
    default:
      return new SourceError(text, reply.status >= 500 ? "unreachable" : "failed");
  }
}

function counts(value: unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(asObject(value)).map(([name, n]): [string, number] => [name, asNumber(n) ?? 0]),
  );
}

function summaryOf(value: unknown): SessionSummary {
  const o = asObject(value);
  const categories: Record<string, number> = {};
  const severities = { debug: 0, info: 0, warn: 0, error: 0 };
  for (const [category, bySeverity] of Object.entries(asObject(o.counts))) {
    for (const [severity, n] of Object.entries(counts(bySeverity))) {
      categories[category] = (categories[category] ?? 0) + n;
      if (severity in severities) severities[severity as keyof typeof severities] += n;
    }
  }
  const missing = asArray(o.missing).reduce((sum: number, range) => {
    const [first, last] = asArray(range);
    return sum + (asNumber(last) ?? 0) - (asNumber(first) ?? 0) + 1;
  }, 0);
  return {
    id: asString(o.session) ?? "",
    producer: asString(o.producer) ?? "",
    first_ts: asNumber(o.first_ts) ?? null,
    last_ts: asNumber(o.last_ts) ?? null,
    latest_seq: asNumber(o.latest_seq) ?? 0,
    events: asNumber(o.events) ?? 0,
    counted: true,
    gaps: counts(o.gaps),
    missing,
    categories,
    severities,
  };
}
