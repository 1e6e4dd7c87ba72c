/** Module hooks (https://nodejs.org/docs/latest-v20.x/api/module.html#hooks) that load .ts and .tsx. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

/**
 * @param {string} url
 * @param {{ format?: string }} context
 * @param {(url: string, context: object) => Promise<{ format: string, source?: string | Uint8Array }>} next
 */
export async function load(url, context, next) {
  const loader = /\.(tsx?)$/.exec(new URL(url).pathname)?.[1];
  if (!loader) return next(url, context);
  const { code } = await transform(await readFile(fileURLToPath(url), "utf8"), {
    loader: loader === "tsx" ? "tsx" : "ts",
    jsx: "automatic",
    jsxImportSource: "preact",
    target: "node20",
    sourcemap: "inline",
    sourcefile: fileURLToPath(url),
  });
  return { format: "module", source: code, shortCircuit: true };
}
