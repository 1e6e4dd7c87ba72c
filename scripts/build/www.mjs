/** The viewer, `dist/www`: what the collector embeds and the extension carries. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { copyStatic, viewerBuild } from "../../www/build.mjs";
import { dist } from "../lib/paths.mjs";
import { during } from "../lib/say.mjs";
import { emit, filesIn, outputsOf } from "./emit.mjs";
import { scratch } from "./scratch.mjs";

export async function buildViewer() {
  const { build } = await import("esbuild");
  await during("Bundle the viewer", () =>
    scratch(async (folder) => {
      const result = await build({ ...viewerBuild({ outdir: folder }), write: false });
      await copyStatic(folder);
      const files = outputsOf(folder, result);
      for (const path of filesIn(folder)) files.set(path, readFileSync(join(folder, path)));
      emit(dist("www"), files);
    }),
  );
}
