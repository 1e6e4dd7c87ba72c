/**
 * How esbuild bundles the viewer. `scripts/build.mjs` runs it; the static files go next to the bundle.
 *
 * Everything is a file of its own origin: the page's policy allows no inline script or style.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Files served as they are, by name. */
export const staticFiles = ["index.html", "icon.svg"].map((name) => ({ name, from: join(here, name) }));

/** The entry's path in the repository. */
export const viewerEntry = "www/src/main.tsx";

/** @param {string} outdir @returns {import("esbuild").BuildOptions} */
export function viewerBuild(outdir) {
  return {
    entryPoints: { main: join(here, "src/main.tsx") },
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["chrome123", "firefox125", "safari17.5"],
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    legalComments: "linked",
    loader: { ".woff2": "file" },
    assetNames: "fonts/[name]",
    logLevel: "warning",
  };
}
