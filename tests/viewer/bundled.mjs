/** A module of the viewer for a test in Node: bundled the way the page's is. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const SOURCES = join(dirname(fileURLToPath(import.meta.url)), "../../www/src");

/** @param {string} path Below `www/src`. */
export async function bundled(path) {
  const { outputFiles } = await build({
    entryPoints: [join(SOURCES, path)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`${path} bundled to nothing`);
  return import(`data:text/javascript;base64,${Buffer.from(file.contents).toString("base64")}`);
}
