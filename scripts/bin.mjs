#!/usr/bin/env node
/**
 * `npx tabtape init-extension DIR` copies into another extension what `tabtape/extension` needs there. Every other
 * command line is the collector's, which is a native program in a package of its own for each platform.
 *
 * Looked for in TABTAPE_COLLECTOR, next to this script where a clone builds it, in this platform's package, and on PATH.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = `@tabtape/collector-${process.platform}-${process.arch}`;

const HOW_TO_INSTALL = `tabtape: the collector is not installed.
Where ${PACKAGE} is published, "npm install" brings it, unless
it was told to omit optional dependencies.
Otherwise build it in a clone of the repository with "npm run build:collector", or with
"cargo install --path collector", then run this again. If it is somewhere else,
name it in TABTAPE_COLLECTOR.
`;

const program = process.platform === "win32" ? "tabtape.exe" : "tabtape";

function find() {
  const named = process.env.TABTAPE_COLLECTOR;
  if (named) {
    if (isNative(named)) return named;
    process.stderr.write(`tabtape: TABTAPE_COLLECTOR names ${named}, which is no program\n`);
    process.exit(1);
  }
  const built = fileURLToPath(new URL(`../dist/bin/${program}`, import.meta.url));
  const packaged = inPackage();
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(homedir(), ".cargo", "bin")];
  const onPath = folders.filter(Boolean).map((folder) => join(folder, program));
  return [built, ...packaged, ...onPath].find(isNative) ?? null;
}

/** The program of this platform's package, if that is installed. */
function inPackage() {
  try {
    return [createRequire(import.meta.url).resolve(`${PACKAGE}/bin/${program}`)];
  } catch {
    return [];
  }
}

/** npm puts this script on PATH under the same name; only a real program is meant. */
function isNative(/** @type {string} */ file) {
  try {
    accessSync(file, constants.X_OK);
    const real = realpathSync(file);
    return statSync(real).isFile() && readFileSync(real).subarray(0, 2).toString("latin1") !== "#!";
  } catch {
    return false;
  }
}

const [command, ...rest] = process.argv.slice(2);
if (command === "init-extension") {
  const { initExtension } = await import("./init_extension.mjs");
  process.exit(initExtension(rest));
}

const collector = find();
if (!collector) {
  process.stderr.write(HOW_TO_INSTALL);
  process.exit(1);
}
const child = spawn(collector, process.argv.slice(2), { stdio: "inherit" });
// Both receive Ctrl-C from the terminal; the collector decides when it is done.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
  process.on(signal, () => child.kill(signal));
child.once("error", (error) => {
  process.stderr.write(`tabtape: ${collector}: ${error.message}\n`);
  process.exit(1);
});
child.once("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
