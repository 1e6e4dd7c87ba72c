/** The viewer, `dist/www`: what the collector embeds and the extension carries. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { staticFiles, viewerBuild, viewerEntry } from "../../www/build.mjs";
import { dist, root } from "../lib/paths.mjs";
import { during } from "../lib/say.mjs";
import { emit, outputsOf } from "./emit.mjs";

/** The page's entry. What it needs at once is requested before the fonts: a browser opens six connections. */
const ENTRY = '    <script type="module" src="main.js"></script>\n';

/** Chromium compiles such a script while it arrives, not function by function while the first rows are rendered. */
const COMPILED_AT_ONCE = Buffer.from("//# allFunctionsCalledOnLoad\n");

export async function buildViewer() {
  const { build } = await import("esbuild");
  await during("Bundle the viewer", async () => {
    const outdir = dist("www");
    const made = await build({ ...viewerBuild(outdir), absWorkingDir: root, metafile: true, write: false });
    const files = outputsOf(outdir, made);
    // `main.css` has the styles of all scripts.
    for (const name of files.keys()) if (/css$/.test(name) && name !== "main.css") files.delete(name);
    for (const { name, from } of staticFiles) files.set(name, readFileSync(from));
    const { outputs } = made.metafile;
    const entry = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === viewerEntry) ?? "";
    const others = (outputs[entry]?.imports ?? [])
      .filter(({ kind }) => kind === "import-statement")
      .map(({ path }) => basename(path));
    for (const name of [basename(entry), ...others])
      files.set(name, Buffer.concat([COMPILED_AT_ONCE, files.get(name) ?? Buffer.of()]));
    const preloads = others.map((name) => `    <link rel="modulepreload" href="${name}" />\n`);
    const page = readFileSync(join(root, "www/index.html"), "utf8");
    files.set("index.html", Buffer.from(page.replace(ENTRY, `${ENTRY}${preloads.join("")}`)));
    emit(outdir, files);
  });
}
