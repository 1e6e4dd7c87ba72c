/**
 * Records where in the sources the places of a page's stacks are: events of type `system.original_places`.
 *
 * Dev servers stop and builds change, so source maps are read while the page that ran the script is still there,
 * and what they say about the places of recorded stacks is kept with the session. Each place of a document is looked
 * up once. Scripts are fetched again without cookies, and only if they are of the page's own origin, or of another
 * port of the same computer for a page of this computer; for other sites than this computer's only if a person has
 * asked for it.
 */
import type { Recorder } from "../../../src/web/types.ts";
import type { SourceMapMode } from "../../protocol.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { remember } from "../remember.ts";
import { Bundles, EVALUATED_MODULE } from "./bundles.ts";
import { type FetchText, MappedScript, type OriginalPlace } from "./source_map.ts";
import { type BuiltPlace, placesInStacks } from "./stack_places.ts";

/** Posts a second whose stacks are read. A page in an error loop names the same places again. */
const MAX_READ_PER_SECOND = 20;
/** Known places and those that wait: the oldest are forgotten, and looked up again if they come back. */
const MAX_KNOWN = 5_000;
const MAX_WAITING = 200;
const MAX_SCRIPTS = 12;
/** Places in one event. */
const MAX_PLACES = 30;
const MAX_TEXT_BYTES = 30_000_000;
const FETCH_TIMEOUT_MS = 10_000;

interface DocumentContext {
  metadata: Record<string, string>;
  url: string;
}

interface Waiting {
  context: DocumentContext;
  place: BuiltPlace;
}

export class SourceMaps {
  /** Places that were looked up or wait, each with its document. In the order of insertion. */
  readonly #known = new Set<string>();
  #waiting: Waiting[] = [];
  #isRunning = false;
  /** By document and URL, the most recently used last. */
  readonly #scripts = new Map<string, Promise<MappedScript | null>>();
  readonly #bundles = new Bundles(fetchText);
  #second = 0;
  #readInSecond = 0;

  constructor(
    private readonly owner: RecorderOwner,
    private readonly scope: Scope,
    private readonly mode: () => SourceMapMode,
  ) {}

  /** Looks up the places of the stacks in `lines`, which a document has posted. Returns at once. */
  observe(recorder: Recorder, context: DocumentContext, lines: string): void {
    if (this.mode() === "off" || !lines.includes('"stack"') || !this.#mayRead()) return;
    for (const place of placesInStacks(lines)) {
      if (!this.#isOwnScript(recorder, context.url, place.script)) continue;
      const key = `${context.metadata.document_id} ${place.script}:${place.line}:${place.column}`;
      if (this.#known.has(key) || this.#waiting.length >= MAX_WAITING) continue;
      this.#known.add(key);
      if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value as string);
      this.#waiting.push({ context, place });
    }
    if (this.#waiting.length > 0 && !this.#isRunning) void this.#run();
  }

  #mayRead(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#readInSecond = 0;
    }
    return this.#readInSecond++ < MAX_READ_PER_SECOND;
  }

  #isOwnScript(recorder: Recorder, page: string, script: string): boolean {
    // Its bundle is decided on when it is looked for.
    if (script.startsWith(EVALUATED_MODULE)) return URL.canParse(page);
    if (!URL.canParse(page) || !URL.canParse(script) || !this.scope.isRecorded(recorder, script))
      return false;
    const from = new URL(page);
    const to = new URL(script);
    if (isThisComputer(from.hostname)) return isThisComputer(to.hostname);
    return this.mode() === "all" && from.origin === to.origin;
  }

  /** Looks up what waits, one document at a time, until nothing does. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const { context } = this.#waiting[0] as Waiting;
      const { document_id } = context.metadata;
      const batch: Waiting[] = [];
      const rest: Waiting[] = [];
      for (const waiting of this.#waiting) {
        const isOfDocument = waiting.context.metadata.document_id === document_id;
        (isOfDocument && batch.length < MAX_PLACES ? batch : rest).push(waiting);
      }
      this.#waiting = rest;
      const found: (BuiltPlace & { original: OriginalPlace })[] = [];
      for (const { place } of batch) {
        const script = await this.#script(context, place.script);
        const original = script === null ? null : originalOf(script, place);
        if (original !== null) found.push({ ...place, original });
      }
      if (found.length > 0) this.#publish(context, found);
    }
    this.#isRunning = false;
  }

  #script({ metadata, url: page }: DocumentContext, url: string): Promise<MappedScript | null> {
    const key = `${metadata.document_id} ${url}`;
    const isOwn = (script: string) => {
      const { recorder } = this.owner;
      return recorder !== null && this.#isOwnScript(recorder, page, script);
    };
    const load = () =>
      url.startsWith(EVALUATED_MODULE)
        ? this.#bundles.module(metadata, url, isOwn)
        : MappedScript.load(url, fetchText);
    const script = this.#scripts.get(key) ?? load().catch(() => null);
    remember(this.#scripts, key, script, MAX_SCRIPTS);
    return script;
  }

  #publish(context: DocumentContext, places: object[]): void {
    this.owner.publish({
      type: "system.original_places",
      category: "system",
      source: { kind: "extension", event: "tabtape.source_maps", metadata: context.metadata },
      url: context.url,
      data: { places },
    });
  }
}

/** Returns the place in the source, or null. A map is decoded when it is asked first, and may prove to be broken. */
function originalOf(script: MappedScript, place: BuiltPlace): OriginalPlace | null {
  try {
    return script.original(place);
  } catch {
    return null;
  }
}

/** Whether a host name always leads to this computer. */
function isThisComputer(host: string): boolean {
  return /^(?:127(?:\.\d+){3}|\[::1\]|localhost|.*\.localhost)$/.test(host);
}

const fetchText: FetchText = async (url) => {
  const response = await fetch(url, {
    credentials: "omit",
    cache: "no-cache",
    // Another address may be of a site that is not recorded.
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  const text = response.ok ? await textWithin(response, MAX_TEXT_BYTES) : null;
  if (text === null) return null;
  return { text, mapHeader: response.headers.get("sourcemap") ?? response.headers.get("x-sourcemap") };
};

/** Returns the body's text; null if it is larger. A server may send without an end. */
async function textWithin(response: Response, maxBytes: number): Promise<string | null> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (const reader = response.body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > maxBytes) {
      void reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}
