/** The viewer, `dist/www`: what the collector embeds and the extension carries. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { neededAtOnce, staticFiles, viewerBuild } from "../../www/build.mjs";
import { dist, root } from "../lib/paths.mjs";
import { during } from "../lib/say.mjs";
import { emit, outputsOf } from "./emit.mjs";

/** The page's entry. What it needs at once is requested before the fonts: a browser opens six connections. */
const ENTRY = '    <script type="module" src="main.js"></script>\n';

export async function buildViewer() {
  const { build } = await import("esbuild");
  await during("Bundle the viewer", async () => {
    const outdir = dist("www");
    const made = await build({ ...viewerBuild(outdir), absWorkingDir: root, metafile: true, write: false });
    const files = outputsOf(outdir, made);
    // `main.css` has the styles of all scripts.
    for (const name of files.keys()) if (/css$/.test(name) && name !== "main.css") files.delete(name);
    for (const { name, from } of staticFiles) files.set(name, readFileSync(from));
    // Not as modules, which would be compiled before the entry has asked for any record.
    const preloads = scriptsOf(made.metafile, neededAtOnce).map(
      (path) => `    <link rel="preload" href="${basename(path)}" as="script" crossorigin />\n`,
    );
    const page = readFileSync(join(root, "www/index.html"), "utf8");
    files.set("index.html", Buffer.from(page.replace(ENTRY, `${ENTRY}${preloads.join("")}`)));
    emit(outdir, files);
  });
}

/**
 * Returns the output of a source file that is imported dynamically, and all outputs that it imports statically.
 *
 * Without their names in the page, a browser requests each one after it has compiled the one before.
 * @param {import("esbuild").Metafile} metafile @param {string} source
 */
function scriptsOf({ outputs }, source) {
  const found = Object.keys(outputs).filter((path) => outputs[path]?.entryPoint === source);
  for (const path of found) {
    for (const { path: other, kind } of outputs[path]?.imports ?? [])
      if (kind === "import-statement" && !found.includes(other)) found.push(other);
  }
  return found;
}
