/**
 * Places in the sources that were recorded with the session (`system.original_places`), by document and place.
 *
 * They are read for the open session and when a stack is shown: the events so far, and later only those since.
 */
import { type Signal, signal } from "@preact/signals";
import { asArray, asNumber, asObject, asString, isGap, type LineRecord, parseLine } from "../data/record";
import { ALL_SESSIONS, type DataSource, type SessionSummary } from "../data/source";
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
  #stamp = "";
  readonly #reads = new Map<string, Promise<void>>();

  constructor(private readonly source: DataSource) {}

  find(place: PlaceInDocument): OriginalPlace | undefined {
    return this.#places.get(keyOf(place));
  }

  /** Returns the place in the source that wrote a line of the console. */
  ofConsole(record: LineRecord | undefined): OriginalPlace | undefined {
    if (this.#places.size === 0 || record === undefined || isGap(record)) return undefined;
    const { event, capture_session_id: session } = record;
    const place = scriptPlaceOf(event);
    const documentId = event.source.metadata?.document_id ?? "";
    return place === null ? undefined : this.find({ ...place, session, documentId });
  }

  /** Reads the places of the open session, if its system events have grown since the last time. */
  async refresh(session: SessionSummary | null): Promise<void> {
    // Over all sessions they are read with each stack.
    if (session === null || session.id === ALL_SESSIONS) return;
    const stamp = `${session.id} ${session.categories.system ?? 0}`;
    if (stamp === this.#stamp) return;
    await this.read(session.id);
    this.#stamp = stamp;
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
      const page = await this.source.read({ session, q: `type:${TYPE}` }, cursor, PAGE_LINES);
      for (const line of page.lines) this.#add(session, line);
      if (page.next !== null) this.#cursors.set(session, page.next);
      if (page.end || page.next === null || page.next === cursor) break;
    }
    if (this.#places.size !== before) this.version.value++;
  }

  #add(session: string, line: string): void {
    const record = parseLine(line);
    if (record === null || isGap(record)) return;
    const documentId = record.event.source.metadata?.document_id ?? "";
    for (const value of asArray(asObject(record.event.data).places)) {
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
