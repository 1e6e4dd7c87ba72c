/** The viewer, `dist/www`: what the collector embeds and the extension carries. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { staticFiles, viewerBuild, viewerEntry } from "../../www/build.mjs";
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
    const entry = Object.values(made.metafile.outputs).find(({ entryPoint }) => entryPoint === viewerEntry);
    const preloads = (entry?.imports ?? [])
      .filter(({ kind }) => kind === "import-statement")
      .map(({ path }) => `    <link rel="modulepreload" href="${basename(path)}" />\n`);
    const page = readFileSync(join(root, "www/index.html"), "utf8");
    files.set("index.html", Buffer.from(page.replace(ENTRY, `${ENTRY}${preloads.join("")}`)));
    emit(outdir, files);
  });
}
