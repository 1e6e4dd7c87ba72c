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

/** The modules of dist/npm that package.json exports: each has a source of the same name. */
const MODULES = ["index", "node", "inline", "extension"];

/** The same of `tabtape/core`, with the glue of the wasm that lacks the recorder. */
const CORE_MODULES = ["core", "core_node"];

/** Folder of the exports for `require`, in which `.js` means CommonJS. */
const COMMONJS_FOLDER = "cjs";

/** @type {import("esbuild").BuildOptions & { write: false }} */
const OPTIONS = {
  bundle: true,
  target: "es2022",
  external: ["node:*"],
  loader: { ".wasm": "base64" },
  write: false,
  logLevel: "warning",
};

export async function buildNpm() {
  const { build } = await import("esbuild");
  await during("Bundle the npm package", async () => {
    // The entries share one core where several are imported.
    const files = await bundle(build, MODULES, dist("npm"), { splitting: true, format: "esm" });
    const types = await declarations();
    const more = [
      ...(await coreModules(build)),
      ...types,
      ...inFolder(COMMONJS_FOLDER, await commonJs(build)),
      ...inFolder(COMMONJS_FOLDER, types),
      ...inFolder("extension", await contentScripts(build)),
    ];
    for (const [path, bytes] of more) files.set(path, bytes);
    files.set("tabtape.wasm", readFileSync(dist("wasm", "tabtape.wasm")));
    files.set("tabtape_core.wasm", readFileSync(dist("wasm-core", "tabtape.wasm")));
    emit(dist("npm"), files);
  });
}

/**
 * @param {typeof import("esbuild").build} build @param {string[]} modules @param {string} outdir
 * @param {import("esbuild").BuildOptions} options
 */
async function bundle(build, modules, outdir, options) {
  const entryPoints = sourcesOf(modules);
  return outputsOf(outdir, await build({ ...OPTIONS, entryPoints, outdir, ...options, write: false }));
}

/** @param {string} folder @param {Iterable<readonly [string, Uint8Array]>} files */
const inFolder = (folder, files) =>
  Array.from(files, ([path, bytes]) => /** @type {const} */ ([`${folder}/${path}`, bytes]));

/** @param {string[]} modules */
const sourcesOf = (modules) => Object.fromEntries(modules.map((name) => [name, join(SOURCE, `${name}.ts`)]));

/** @param {typeof import("esbuild").build} build */
async function coreModules(build) {
  /** @type {import("esbuild").Plugin} */
  const coreGlue = {
    name: "core-glue",
    setup({ onResolve }) {
      onResolve({ filter: /dist\/wasm\/tabtape\.js$/ }, () => ({ path: dist("wasm-core", "tabtape.js") }));
    },
  };
  return bundle(build, CORE_MODULES, dist("npm"), { splitting: true, format: "esm", plugins: [coreGlue] });
}

/**
 * The modules for `require`, with the file that says that they are CommonJS.
 * @param {typeof import("esbuild").build} build
 */
async function commonJs(build) {
  /** @param {string} name @param {import("esbuild").BuildOptions} options */
  const commonJsOf = (name, options) =>
    bundle(build, [name], dist("npm", COMMONJS_FOLDER), { format: "cjs", ...options });
  const [node, inline] = await Promise.all([
    commonJsOf("node", {
      platform: "node",
      // CommonJS has no import.meta: the wasm is one folder up.
      banner: {
        js: 'const moduleUrl = require("node:url").pathToFileURL(require("node:path").join(__dirname, "..", "node.js")).href;',
      },
      define: { "import.meta.url": "moduleUrl" },
    }),
    // jsdom, as Jest runs it, has neither of these two, and Node has no other way to them that a bundler does not follow.
    commonJsOf("inline", {
      banner: {
        js:
          "const { TextDecoder, TextEncoder } =\n" +
          '  typeof globalThis.TextDecoder === "function" ? globalThis : globalThis.process.getBuiltinModule("node:util");',
      },
    }),
  ]);
  const commonJsMark = Buffer.from('{ "type": "commonjs" }\n');
  return new Map([...node, ...inline, ["package.json", commonJsMark]]);
}

/**
 * Builds the content scripts of `tabtape/extension`, to be copied into the extension that imports it.
 * @param {typeof import("esbuild").build} build
 */
async function contentScripts(build) {
  const outdir = dist("npm", "extension");
  const result = await build({
    ...esbuildOptions,
    entryPoints: bundles.filter(({ out }) => out === "relay" || out === "hook"),
    outdir,
  });
  const files = outputsOf(outdir, result);
  for (const [path, text] of Object.entries(writtenFiles())) {
    if (path.startsWith("levels/")) files.set(path, Buffer.from(text));
  }
  return files;
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
      files: [
        ...Object.values(sourcesOf([...MODULES, ...CORE_MODULES])),
        join(SOURCE, "wasm_module.d.ts"),
        dist("wasm", "tabtape.d.ts"),
      ],
    };
    const file = join(folder, "tsconfig.json");
    writeFileSync(file, JSON.stringify(config));
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const { status, output } = await capture(process.execPath, [tsc, "--project", file]);
    if (status !== 0) throw new Tell(output.trim());
    const emitted = join(folder, "src", "web");
    const files = new Map(
      filesIn(emitted).map((path) => {
        const text = readFileSync(join(emitted, path), "utf8").replace(/"(\.\/[\w/]+)\.ts"/g, '"$1.js"');
        return /** @type {const} */ ([path, text]);
      }),
    );
    const needed = reachable(files);
    return Array.from(needed, (path) => /** @type {const} */ ([path, Buffer.from(files.get(path) ?? "")]));
  });
}

/** The declarations that the entry points import, directly or not. @param {Map<string, string>} files */
function reachable(files) {
  const found = new Set([...MODULES, ...CORE_MODULES].map((name) => `${name}.d.ts`));
  // A set is iterated in the order of its growth.
  for (const path of found) {
    for (const [, name] of (files.get(path) ?? "").matchAll(/"\.\/(\w+)\.js"/g)) found.add(`${name}.d.ts`);
  }
  return found;
}
