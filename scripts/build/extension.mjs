/** The unpacked extension: `dist/extension` for developers, `dist/extension-store` for the store. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundles, esbuildOptions, manifest, writtenFiles } from "../../extension/build.mjs";
import { dist, root } from "../lib/paths.mjs";
import { during } from "../lib/say.mjs";
import { emit, outputsOf } from "./emit.mjs";

/** A preconfiguration somebody put next to the developer build stays there: it is the user's. */
const PRECONFIGURATION = "tabtape.json";

export async function buildExtension() {
  const { build } = await import("esbuild");
  await during("Bundle the extension", async () => {
    const outdir = dist("extension");
    const result = await build({
      ...esbuildOptions,
      entryPoints: bundles,
      outdir,
      // A classic script has none; the worker says where its wasm is.
      define: { "import.meta.url": "undefined" },
    });
    const files = outputsOf(outdir, result);
    for (const [path, content] of Object.entries(writtenFiles())) files.set(path, Buffer.from(content));
    files.set("tabtape.wasm", readFileSync(dist("wasm", "tabtape.wasm")));

    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const versions = { developer: `${version}.${fingerprint(files)}`, store: version };
    for (const kind of /** @type {const} */ (["developer", "store"])) {
      const folder = kind === "developer" ? outdir : dist("extension-store");
      const text = `${JSON.stringify(manifest(kind, versions[kind]), null, 2)}\n`;
      const kept = join(folder, PRECONFIGURATION);
      const all = new Map(files).set("manifest.json", Buffer.from(text));
      if (kind === "developer" && existsSync(kept)) all.set(PRECONFIGURATION, readFileSync(kept));
      emit(folder, all);
    }
  });
}

/**
 * The last part of a developer build's version, 0 to 65535, derived from its content. Chromium keeps the worker's
 * script in the profile until the version changes, and would run the old one with the new wasm.
 * @param {Map<string, Uint8Array>} files
 */
function fingerprint(files) {
  const hash = createHash("sha256");
  for (const path of [...files.keys()].sort()) hash.update(path).update(files.get(path) ?? "");
  return hash.digest().readUInt16BE();
}
