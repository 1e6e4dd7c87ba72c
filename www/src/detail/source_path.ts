/**
 * The path of a source file as its disk has it, from the name that a source map or a server's address gives it.
 *
 * The path is relative to a project, or absolute if the name shows that.
 */

/** Takes off what bundlers and dev servers put before a path: `webpack://name/./src/a.ts?1f2e` is `src/a.ts`. */
export function pathOfSource(source: string): string {
  if (/^https?:/.test(source)) return pathOfAddress(source);
  return source
    .replace(/[?#].*$/, "")
    .replace(/^webpack-internal:\/\/\/(?:\([^/()]*\)\/)?/, "")
    .replace(/^(?:webpack|turbopack):\/\/(?:\/(?:\[project\]\/)?|[^/]*\/)/, "")
    .replace(/^file:\/\//, "")
    .replace(/^(?:\.{1,2}\/)+/, "")
    .replace(/^\/(?=[A-Za-z]:\/)/, "");
}

/** Returns the path that a server has a file at. Vite has those outside of its root at `/@fs/` and the whole path. */
export function pathOfAddress(url: string): string {
  return url
    .replace(/[?#].*$/, "")
    .replace(/^https?:\/\/[^/]*\//, "")
    .split("/")
    .map(decoded)
    .join("/")
    .replace(/^@fs\/+/, "/")
    .replace(/^.*\/(?=[A-Za-z]:\/)/, "");
}

/** Returns a part of a path without percent-encoding, or as it is if it has none or would become another path. */
function decoded(part: string): string {
  try {
    const text = decodeURIComponent(part);
    return /[/\\]/.test(text) ? part : text;
  } catch {
    return part;
  }
}
