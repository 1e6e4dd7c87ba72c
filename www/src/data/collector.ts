/**
 * The collector's HTTP interface as a data source.
 *
 * Every request carries the read token as a Bearer header; there are no cookies and no token in an
 * address. Live events come through a streaming fetch, because `EventSource` cannot send headers.
 */
import { createParser } from "eventsource-parser";
import { asArray, asNumber, asObject, asString } from "./record";
import type { CoverageSpan, DataSource, Page, Query, SessionDetail, SessionSummary } from "./source";
import { SourceError } from "./source";

export class CollectorSource implements DataSource {
  readonly kind = "collector";

  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async sessions(signal?: AbortSignal): Promise<SessionSummary[]> {
    const reply = asObject(await (await this.get("/v1/sessions", {}, signal)).json());
    return asArray(reply.sessions).map(summaryOf);
  }

  async session(id: string, signal?: AbortSignal): Promise<SessionDetail> {
    const reply = await (await this.get(`/v1/sessions/${encodeURIComponent(id)}`, {}, signal)).json();
    return detailOf(reply);
  }

  cursorBefore(seq: number): string {
    return String(seq - 1);
  }

  async read(query: Query, after: string | null, limit: number, signal?: AbortSignal): Promise<Page> {
    const reply = await this.get(
      "/v1/events",
      { q: query.q, session: query.session, after, limit: String(limit) },
      signal,
      "application/json",
    );
    const body = asObject(await reply.json());
    const lines = asArray(body.records).map((record) => JSON.stringify(record));
    const next = body.next;
    return {
      lines,
      next: next === null || next === undefined ? after : String(next),
      end: lines.length < limit,
    };
  }

  async *follow(query: Query, after: string | null, signal: AbortSignal): AsyncGenerator<Page> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (after !== null) headers["last-event-id"] = after;
    const reply = await this.get(
      "/v1/stream",
      { q: query.q, session: query.session },
      signal,
      undefined,
      headers,
    );
    if (reply.body === null) return;
    let lines: string[] = [];
    let next: string | null = after;
    const parser = createParser({
      onEvent: (message) => {
        if (message.event === undefined || message.event === "event" || message.event === "gap")
          lines.push(message.data);
        if (message.id !== undefined) next = message.id;
      },
    });
    const decoder = new TextDecoder();
    for await (const chunk of reply.body) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      if (lines.length === 0) continue;
      yield { lines, next, end: true };
      lines = [];
    }
    throw new SourceError("the collector closed the stream", "unreachable");
  }

  private async get(
    path: string,
    parameters: Record<string, string | null>,
    signal?: AbortSignal,
    accept?: string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== null && value !== "") url.searchParams.set(name, value);
    }
    let reply: Response;
    try {
      reply = await fetch(url, {
        headers: { authorization: `Bearer ${this.token}`, ...(accept ? { accept } : {}), ...headers },
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

async function errorOf(reply: Response): Promise<SourceError> {
  let problem: Record<string, unknown> = {};
  try {
    problem = asObject(await reply.json());
  } catch {
    // Not problem+json: the status has to do.
  }
  const text =
    asString(problem.detail) ?? asString(problem.title) ?? `the collector answered ${reply.status}`;
  if (reply.status === 401 || reply.status === 403) return new SourceError(text, "unauthorized");
  if (reply.status === 410) return new SourceError(text, "store_changed");
  if (reply.status === 400) return new SourceError(text, "bad_query");
  if (reply.status >= 500) return new SourceError(text, "unreachable");
  return new SourceError(text, "failed");
}

function counts(value: unknown): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [name, count] of Object.entries(asObject(value))) {
    const number = asNumber(count);
    if (number !== undefined) result[name] = number;
  }
  return result;
}

function summaryOf(value: unknown): SessionSummary {
  const o = asObject(value);
  const severities = counts(o.severities);
  return {
    id: asString(o.session) ?? "",
    producer: asString(o.producer) ?? "",
    first_ts: asNumber(o.first_ts) ?? null,
    last_ts: asNumber(o.last_ts) ?? null,
    latest_seq: asNumber(o.latest_seq) ?? 0,
    events: asNumber(o.events) ?? 0,
    gaps: asNumber(o.gaps) ?? 0,
    categories: counts(o.categories),
    severities: {
      debug: severities.debug ?? 0,
      info: severities.info ?? 0,
      warn: severities.warn ?? 0,
      error: severities.error ?? 0,
    },
    ended: o.ended === true,
  };
}

function detailOf(value: unknown): SessionDetail {
  const coverage = asObject(asObject(value).coverage);
  const span = (s: unknown): CoverageSpan => ({
    from_ts: asNumber(asObject(s).from_ts) ?? 0,
    to_ts: asNumber(asObject(s).to_ts) ?? 0,
  });
  return {
    ...summaryOf(value),
    watched: asArray(coverage.watched).map(span),
    unwatched: asArray(coverage.unwatched).map((s) => ({
      ...span(s),
      reason: asString(asObject(s).reason) ?? "unwatched",
    })),
  };
}
