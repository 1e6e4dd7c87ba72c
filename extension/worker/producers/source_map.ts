/**
 * One script with its source map: translates places of the built code into places of the source.
 *
 * A place is only translated if it exists in the script as it is served now, and if the line it leads to exists in
 * the source: a wrong place is worse than none.
 */
import { AnyMap, originalPositionFor, sourceContentFor, type TraceMap } from "@jridgewell/trace-mapping";
import { pathOfSource } from "../../../www/src/detail/source_path.ts";
import { prefix } from "../../relay/budget.ts";
import type { BuiltPlace } from "./stack_places.ts";

/** Returns the text at a URL, or null if it is absent or too large. */
export type FetchText = (url: string) => Promise<{ text: string; mapHeader: string | null } | null>;

export interface OriginalPlace {
  /** Path of the file in the project, as far as the map tells. */
  source: string;
  line: number;
  column: number;
  /** Name of the function or variable at that place, if the map has it. */
  name?: string;
  /** The lines around it; the first one is line `code_from`. */
  code?: string[];
  code_from?: number;
}

/** Lines of code before and after the place. */
const CONTEXT_LINES = 2;
const MAX_CODE_LINE = 160;
const MAP_COMMENT = "sourceMappingURL=";

/** How a string begins that webpack evaluates; the second one if Trusted Types are on. */
const EVALUATED = ['eval("', '.ts("'];

export class MappedScript {
  /** Length of each line of the script. */
  readonly #lineLengths: number[];
  readonly #map: TraceMap;
  readonly #sources = new Map<string, string[]>();

  private constructor(script: string, map: TraceMap) {
    this.#lineLengths = script.split("\n").map(({ length }) => length);
    this.#map = map;
  }

  /** Returns null for a script that has no source map, or one that cannot be read. */
  static async load(url: string, fetchText: FetchText): Promise<MappedScript | null> {
    const script = await fetchText(url);
    if (script === null) return null;
    const named = mapNamedIn(script.text) ?? script.mapHeader;
    if (named === null) return null;
    try {
      const mapUrl = new URL(named, url);
      const isInline = mapUrl.protocol === "data:";
      if (!isInline && mapUrl.origin !== new URL(url).origin) return null;
      const text = isInline ? await textOfDataUrl(mapUrl.href) : (await fetchText(mapUrl.href))?.text;
      if (text === undefined) return null;
      // Some servers begin JSON with `)]}'`, so that it cannot be run as a script.
      const map = new AnyMap(text.replace(/^\)\]\}'[^\n]*\n/, ""), isInline ? url : mapUrl.href);
      return new MappedScript(script.text, map);
    } catch {
      return null; // Not a URL or not a source map.
    }
  }

  /**
   * Returns the module `url` of a bundle that webpack has built with `eval-source-map`, or null if it is not in it.
   *
   * The bundle contains each module as a string that it evaluates, with its source map and the name that V8 puts into
   * stacks: https://github.com/webpack/webpack/blob/main/lib/EvalSourceMapDevToolPlugin.js
   */
  static async ofModule(url: string, bundle: string): Promise<MappedScript | null> {
    const name = JSON.stringify(`//# sourceURL=${url}\n`).slice(1, -1);
    const at = bundle.lastIndexOf(name);
    // Quotes within the string are escaped, so that this can only be where a string begins.
    const start = Math.max(...EVALUATED.map((call) => beginAfter(bundle, call, at)));
    if (at < 0 || start < 0) return null;
    try {
      const module: unknown = JSON.parse(`"${bundle.slice(start, at)}"`);
      return await MappedScript.load(url, async (asked) =>
        asked === url ? { text: String(module), mapHeader: null } : null,
      );
    } catch {
      return null; // Not a string that webpack has written.
    }
  }

  original({ line, column }: BuiltPlace): OriginalPlace | null {
    const length = this.#lineLengths[line - 1];
    if (length === undefined || column < 1 || column > length + 1) return null;
    const found = originalPositionFor(this.#map, { line, column: column - 1 });
    if (found.source === null) return null;
    const code = this.#linesOf(found.source);
    if (code === null || found.line > code.length) return null;
    const first = Math.max(found.line - CONTEXT_LINES, 1);
    return {
      source: pathOfSource(found.source),
      line: found.line,
      column: found.column + 1,
      ...(found.name === null ? {} : { name: found.name }),
      code: code.slice(first - 1, found.line + CONTEXT_LINES).map((text) => prefix(text, MAX_CODE_LINE)),
      code_from: first,
    };
  }

  /** The source's lines, or null if the map does not contain its text. */
  #linesOf(source: string): string[] | null {
    const known = this.#sources.get(source);
    if (known !== undefined) return known;
    const text = sourceContentFor(this.#map, source);
    if (text === null) return null;
    const lines = text.split(/\r?\n/);
    this.#sources.set(source, lines);
    return lines;
  }
}

/** Returns the index after the last `call` before `end`, or -1. */
function beginAfter(text: string, call: string, end: number): number {
  const at = text.lastIndexOf(call, end);
  return at < 0 ? -1 : at + call.length;
}

/** Returns the URL in the last comment that names a source map; without a pattern over the text, which may be huge. */
function mapNamedIn(script: string): string | null {
  const at = script.lastIndexOf(MAP_COMMENT);
  if (at < 0 || !/\/\/[#@] ?$/.test(script.slice(Math.max(at - 4, 0), at))) return null;
  return /^\S+/.exec(script.slice(at + MAP_COMMENT.length))?.[0] ?? null;
}

async function textOfDataUrl(url: string): Promise<string> {
  return (await fetch(url)).text();
}
