/**
 * Places in the sources that were recorded with the session (`system.original_places`), by document and place.
 *
 * They are read for the sessions whose console lines or stacks are shown: the events so far, and later only those since.
 */
import { type Signal, signal } from "@preact/signals";
import type { Event } from "../../../src/web/types";
import { asArray, asNumber, asObject, asString, eventsIn, isGap, type LineRecord } from "../data/record";
import type { DataSource, SessionSummary } from "../data/source";
import { scriptPlaceOf } from "../list/place";

const TYPE = "system.original_places";
const PAGE_LINES = 500;

export interface OriginalPlace {
  source: string;
  line: number;
  column: number;
  name: string | undefined;
  code: string[];
  codeFrom: number;
}

/** A place of built code as a stack of this document names it. */
export interface PlaceInDocument {
  session: string;
  documentId: string;
  url: string;
  line: number;
  column: number;
}

export class OriginalPlaces {
  /** Changes when places were read. */
  readonly version: Signal<number> = signal(0);
  readonly #places = new Map<string, OriginalPlace>();
  readonly #cursors = new Map<string, string | null>();
  /** The number of system events of each session when its places were read. */
  readonly #systemEvents = new Map<string, number>();
  readonly #reads = new Map<string, Promise<void>>();

  constructor(private readonly source: DataSource) {}

  find(place: PlaceInDocument): OriginalPlace | undefined {
    return this.#places.get(keyOf(place));
  }

  /** Returns the place in the source that wrote a line of the console. */
  ofConsole(record: LineRecord | undefined): OriginalPlace | undefined {
    if (record === undefined || isGap(record)) return undefined;
    const { event, capture_session_id: session } = record;
    const place = scriptPlaceOf(event);
    // Its session is one of many in the list of all sessions.
    if (place !== null && !this.#cursors.has(session)) void this.read(session).catch(() => {});
    const documentId = event.source.metadata?.document_id ?? "";
    return place === null ? undefined : this.find({ ...place, session, documentId });
  }

  /** Reads places again for the sessions that they were read for, if their system events have grown since. */
  async refresh(sessions: SessionSummary[]): Promise<void> {
    for (const { id, categories } of sessions) {
      const { system = 0 } = categories;
      if (!this.#cursors.has(id) || this.#systemEvents.get(id) === system) continue;
      await this.read(id);
      this.#systemEvents.set(id, system);
    }
  }

  /** Reads what was recorded since the last call. */
  read(session: string): Promise<void> {
    const running = this.#reads.get(session);
    if (running !== undefined) return running;
    const read = this.#readOn(session).finally(() => this.#reads.delete(session));
    this.#reads.set(session, read);
    return read;
  }

  async #readOn(session: string): Promise<void> {
    const before = this.#places.size;
    for (;;) {
      const cursor = this.#cursors.get(session) ?? null;
      this.#cursors.set(session, cursor);
      const page = await this.source.read({ session, q: `type:${TYPE}` }, cursor, PAGE_LINES);
      for (const { event } of eventsIn(page.lines)) this.#add(session, event);
      if (page.next !== null) this.#cursors.set(session, page.next);
      if (page.end || page.next === null || page.next === cursor) break;
    }
    if (this.#places.size !== before) this.version.value++;
  }

  #add(session: string, { source: { metadata }, data }: Event): void {
    const documentId = metadata?.document_id ?? "";
    for (const value of asArray(asObject(data).places)) {
      const place = asObject(value);
      const original = asObject(place.original);
      const [url, source] = [asString(place.script), asString(original.source)];
      const numbers = [place.line, place.column, original.line, original.column].map(asNumber);
      if (url === undefined || source === undefined || numbers.some((n) => n === undefined)) continue;
      const [line = 0, column = 0, originalLine = 0, originalColumn = 0] = numbers;
      this.#places.set(keyOf({ session, documentId, url, line, column }), {
        source,
        line: originalLine,
        column: originalColumn,
        name: asString(original.name),
        code: asArray(original.code).map((text) => asString(text) ?? ""),
        codeFrom: asNumber(original.code_from) ?? originalLine,
      });
    }
  }
}

function keyOf({ session, documentId, url, line, column }: PlaceInDocument): string {
  return `${session} ${documentId} ${url}:${line}:${column}`;
}
