/**
 * The program that generates the wasm's JavaScript glue, built from `scripts/glue` without optimisation and kept in the
 * cache under the hash of its source.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheDir, root } from "../lib/paths.mjs";
import { exe } from "../lib/platform.mjs";
import { run } from "../lib/run.mjs";
import { Tell } from "../lib/say.mjs";
import { glueFile, wasmBindgenVersion } from "../lib/toolchain.mjs";

const MANIFEST = join(root, "scripts", "glue", "Cargo.toml");

export async function setUpGlue() {
  const program = glueFile();
  if (existsSync(program)) return;
  checkVersion();
  // Only this process writes here: another clone may be setting up at the same time.
  const target = join(cacheDir("tools"), `build-glue-${process.pid}`);
  const env = { ...process.env, CARGO_TARGET_DIR: target, RUSTFLAGS: "" };
  try {
    const args = ["build", "--locked", "--manifest-path", MANIFEST];
    await run("Build the generator of the JavaScript glue", "cargo", args, { env });
    mkdirSync(dirname(program), { recursive: true });
    const unfinished = `${program}.${process.pid}`;
    copyFileSync(join(target, "debug", exe("tabtape-glue")), unfinished);
    renameSync(unfinished, program);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

function checkVersion() {
  const pinned = /wasm-bindgen-cli-support = "=([^"]+)"/.exec(readFileSync(MANIFEST, "utf8"))?.[1];
  const wanted = wasmBindgenVersion();
  if (pinned === wanted) return;
  throw new Tell(
    `scripts/glue/Cargo.toml pins wasm-bindgen-cli-support ${pinned}, but the core is built with wasm-bindgen ${wanted}; pin that version there`,
  );
}
