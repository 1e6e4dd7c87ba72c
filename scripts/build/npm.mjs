/** The npm package, `dist/npm`: entry points, their types, and the wasm. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundles, esbuildOptions, writtenFiles } from "../../extension/build.mjs";
import { dist, root } from "../lib/paths.mjs";
import { capture } from "../lib/run.mjs";
import { during, Tell } from "../lib/say.mjs";
import { emit, filesIn, outputsOf } from "./emit.mjs";
import { scratch } from "./scratch.mjs";

const SOURCE = join(root, "src", "web");

/** What `exports` of package.json names in dist/npm, each of the source of the same name. */
const ENTRY_POINTS = [
  ...new Set(
    Array.from(JSON.stringify(packageJson().exports).matchAll(/\/npm\/(\w+)\.js"/g), ([, name]) =>
      String(name),
    ),
  ),
];

function packageJson() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

export async function buildNpm() {
  const { build } = await import("esbuild");
  await during("Bundle the npm package", async () => {
    const outdir = dist("npm");
    const result = await build({
      entryPoints: Object.fromEntries(ENTRY_POINTS.map((name) => [name, join(SOURCE, `${name}.ts`)])),
      outdir,
      bundle: true,
      // `tabtape` and `tabtape/extension` share one core when both are imported.
      splitting: true,
      format: "esm",
      target: "es2022",
      external: ["node:*"],
      write: false,
      logLevel: "warning",
    });
    const files = outputsOf(outdir, result);
    for (const [path, bytes] of await declarations()) files.set(path, bytes);
    for (const [path, bytes] of await contentScripts(build)) files.set(path, bytes);
    files.set("tabtape.wasm", readFileSync(dist("wasm", "tabtape.wasm")));
    emit(outdir, files);
  });
}

/**
 * What `tabtape/extension` puts into pages, as the extension that imports it has to hold it.
 * @param {typeof import("esbuild").build} build
 */
async function contentScripts(build) {
  const outdir = dist("npm", "extension");
  const result = await build({
    ...esbuildOptions,
    entryPoints: bundles.filter(({ out }) => out === "relay" || out === "hook"),
    outdir,
    write: false,
    logLevel: "warning",
  });
  const files = outputsOf(outdir, result);
  for (const [path, text] of Object.entries(writtenFiles())) {
    if (path.startsWith("levels/")) files.set(path, Buffer.from(text));
  }
  return Array.from(files, ([path, bytes]) => /** @type {const} */ ([`extension/${path}`, bytes]));
}

/** The `.d.ts` of every module the entry points reach, by the compiler itself. */
async function declarations() {
  return scratch(async (folder) => {
    const config = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        stripInternal: true,
        allowJs: false,
        checkJs: false,
        allowImportingTsExtensions: true,
        rewriteRelativeImportExtensions: true,
        typeRoots: [join(root, "node_modules", "@types")],
        rootDir: root,
        outDir: folder,
      },
      include: [],
      files: [...ENTRY_POINTS.map((name) => join(SOURCE, `${name}.ts`)), dist("wasm", "tabtape.d.ts")],
    };
    const file = join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const { status, output } = await capture(process.execPath, [tsc, "--project", file]);
    if (status !== 0) throw new Tell(output.trim());
    const emitted = join(folder, "src", "web");
    const files = filesIn(emitted).map((path) => [path, shipped(readFileSync(join(emitted, path), "utf8"))]);
    // Its users free nothing by hand, and their lib need not know `Symbol.dispose`.
    const glue = readFileSync(dist("wasm", "tabtape.d.ts"), "utf8").replace(
      /^.*\[Symbol\.dispose\].*\n/gm,
      "",
    );
    return [...files, ["glue.d.ts", glue]].map(
      ([path, text]) => /** @type {const} */ ([String(path), Buffer.from(String(text))]),
    );
  });
}

/** Declarations as they are found in the package: beside the modules and the glue's types. @param {string} text */
function shipped(text) {
  return text
    .replace(/"(\.\/[\w/]+)\.ts"/g, '"$1.js"')
    .replaceAll('"../../dist/wasm/tabtape.js"', '"./glue.js"');
}
