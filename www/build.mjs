/**
 * How esbuild bundles the viewer. `scripts/build.mjs` runs it; the static files go next to the bundle.
 *
 * Everything is a file of its own origin: the page's policy allows no inline script or style.
 */
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Files served as they are. */
const STATIC = ["index.html", "icon.svg"];

/**
 * @param {{ outdir: string, minify?: boolean, sourcemap?: boolean }} options
 * @returns {import("esbuild").BuildOptions}
 */
export function viewerBuild({ outdir, minify = true, sourcemap = false }) {
  return {
    entryPoints: { main: join(here, "src/main.tsx") },
    outdir,
    bundle: true,
    format: "esm",
    target: ["chrome123", "firefox125", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify,
    sourcemap,
    legalComments: "linked",
    loader: { ".woff2": "file" },
    assetNames: "fonts/[name]",
    logLevel: "warning",
    metafile: true,
  };
}

/** @param {string} outdir */
export async function copyStatic(outdir) {
  await mkdir(outdir, { recursive: true });
  await Promise.all(STATIC.map((name) => copyFile(join(here, name), join(outdir, name))));
}
