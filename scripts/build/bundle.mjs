/** The viewer of bundles, `dist/bundle`: one script, one style and the wasm, which the collector writes into a page. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { viewerBuild } from "../../www/build.mjs";
import { dist, root } from "../lib/paths.mjs";
import { during, Tell } from "../lib/say.mjs";
import { emit } from "./emit.mjs";

export async function buildBundle() {
  const { build } = await import("esbuild");
  await during("Bundle the viewer of bundles", async () => {
    const { outputFiles } = await build({
      ...viewerBuild(dist("bundle")),
      entryPoints: { viewer: join(root, "www/src/bundle/main.tsx") },
      format: "iife",
      splitting: false,
      legalComments: "none",
      // A classic script has none; the page gives the wasm's bytes.
      define: { "import.meta.url": "undefined" },
      write: false,
    });
    const text = (/** @type {string} */ name) =>
      outputFiles.find(({ path }) => path.endsWith(name))?.text ?? "";
    // A page without a network has the fonts of its computer.
    const style = text("viewer.css").replace(/@font-face\s*\{[^}]*\}/g, "");
    const script = text("viewer.js").trim();
    // Either would end the element that contains the script, or begin a comment in it.
    if (/<\/script|<!--/i.test(script) || /<\/style|url\((?!data:)/i.test(style))
      throw new Tell("the viewer's script or style cannot be written into a page");
    emit(
      dist("bundle"),
      new Map([
        ["viewer.js", Buffer.from(script)],
        ["viewer.css", Buffer.from(style)],
        ["tabtape.wasm", readFileSync(dist("wasm", "tabtape.wasm"))],
      ]),
    );
  });
}
