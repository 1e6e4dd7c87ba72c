/**
 * Source maps that a person has opened in this page. They turn positions in bundled code into those in its source.
 *
 * Nothing is fetched, because the viewer may talk to its collector only. A map applies to every script of the
 * file name in its `file`, or in its own name (`app.js.map`).
 */

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type Signal, signal } from "@preact/signals";
import { type Frame, fileOf } from "./frames";
import { pathOfSource } from "./source_path";

export class SourceMaps {
  /** Incremented with each map. */
  readonly version: Signal<number> = signal(0);
  readonly #byFile = new Map<string, TraceMap>();

  /** Adds a map, or throws an error that says why the file is not a source map. */
  add(fileName: string, text: string): void {
    let map: TraceMap;
    try {
      // A map served with the anti-XSSI prefix begins with `)]}'`.
      map = new TraceMap(text.replace(/^\)\]\}'[^\n]*\n/, ""));
    } catch (cause) {
      throw new Error(`${fileName} is not a source map; expected JSON with "version": 3`, { cause });
    }
    this.#byFile.set(fileOf(map.file ?? fileName.replace(/\.map$/, "")), map);
    this.version.value++;
  }

  /** Returns the frame in the source, or the same frame if no map contains it. */
  original(frame: Frame): Frame {
    const map = this.#byFile.get(fileOf(frame.url));
    if (map === undefined || frame.line < 1 || frame.column < 1) return frame;
    const found = originalPositionFor(map, { line: frame.line, column: frame.column - 1 });
    if (found.source === null) return frame;
    const column = found.column + 1;
    const source = pathOfSource(found.source);
    return {
      name: found.name ?? frame.name,
      url: frame.url,
      line: found.line,
      column,
      source,
      place: `${source}:${found.line}:${column}`,
      library: /node_modules\//.test(found.source),
      builtPlace: frame.place,
    };
  }
}
