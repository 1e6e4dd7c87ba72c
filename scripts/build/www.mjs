/** The viewer, `dist/www`: what the collector embeds and the extension carries. */
import { readFileSync } from "node:fs";
import { staticFiles, viewerBuild } from "../../www/build.mjs";
import { dist } from "../lib/paths.mjs";
import { during } from "../lib/say.mjs";
import { emit, outputsOf } from "./emit.mjs";

export async function buildViewer() {
  const { build } = await import("esbuild");
  await during("Bundle the viewer", async () => {
    const outdir = dist("www");
    const files = outputsOf(outdir, await build({ ...viewerBuild(outdir), write: false }));
    for (const { name, from } of staticFiles) files.set(name, readFileSync(from));
    emit(outdir, files);
  });
}
