/** Parses the stack traces of Chrome, Firefox and Safari into frames. */
import { pathOfAddress } from "./source_path";

export interface Frame {
  name: string;
  url: string;
  line: number;
  column: number;
  /** `app.js:12:5`. */
  place: string;
  /** The path of the source in its project, or an absolute one, where it is known. */
  source?: string;
  /** Third-party code, by its path. */
  library: boolean;
  /** The place in the built code, if a source map has been applied. */
  builtPlace?: string;
  /** The lines of the source around the place; `line` is one of them. */
  code?: { lines: string[]; from: number };
}

const CHROME = /^\s*at (?:(.*?) \()?(.+?):(\d+):(\d+)\)?$/;
const FIREFOX = /^(.*?)@(.+?):(\d+):(\d+)$/;
const MOST_FRAMES = 200;

export function parseStack(text: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of text.split("\n")) {
    const match = CHROME.exec(line) ?? FIREFOX.exec(line);
    if (match === null) continue;
    const [, name, url = "", row = "", column = ""] = match;
    const source = servedSource(url);
    frames.push({
      name: name === undefined || name === "" ? "(anonymous)" : name,
      url,
      line: Number(row),
      column: Number(column),
      place: `${fileOf(url)}:${row}:${column}`,
      library: /\/node_modules\/|\/vendor[./-]|^chrome-extension:/.test(url),
      ...(source === undefined ? {} : { source }),
    });
    if (frames.length === MOST_FRAMES) break;
  }
  return frames;
}

const SERVED_HERE = /^https?:\/\/(?:localhost|[^/:]*\.localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?\/[^?#]/;

/** Returns the path of a script that this computer serves as it is, for all that its address says. */
function servedSource(url: string): string | undefined {
  return SERVED_HERE.test(url) ? pathOfAddress(url) : undefined;
}

/** Returns the last part of an address, or its host if it has no path. */
export function fileOf(url: string): string {
  const path = url.replace(/[?#].*$/, "");
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name === "" ? path.replace(/^[a-z]+:\/\//, "") : name;
}
