/**
 * Chooses the Rust toolchain that builds the wasm, and its tools.
 *
 * Native code is always built by the `cargo` on PATH. Wasm is built by the same one when its sysroot has
 * std for wasm32, else by Debian's `rustc-web` (see debian.mjs), which lives next to it in /usr.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { cacheDir, root } from "./paths.mjs";
import { exe, lockedCrate } from "./platform.mjs";
import { capture } from "./run.mjs";

export const WASM_TARGET = "wasm32-unknown-unknown";

/** Runs wasm tests in a browser. 0.15.1 is the first that builds with current Rust. */
export const WASM_PACK_VERSION = "0.15.1";

/** Folder of `cargo` and `rustc` of the Debian fallback. */
export const DEBIAN_BIN = "/usr/bin";
export const DEBIAN_WASM_STD = `/usr/lib/rustlib/${WASM_TARGET}/lib`;

/** 128-bit SIMD is in every Chrome that runs Manifest V3; scanning bytes needs it. */
const RUSTFLAGS = "-C target-feature=+simd128";

/** The version of the crate `wasm-bindgen`, which its tools must have too. */
export const wasmBindgenVersion = () => lockedCrate(root, "wasm-bindgen");

/** Returns the folder of a tool of that version. @param {string} crate @param {string} version */
export const toolRoot = (crate, version) => cacheDir("tools", `${crate}-${version}`);

/** A tool's file. @param {string} crate @param {string} version @param {string} name */
export const toolFile = (crate, version, name) => join(toolRoot(crate, version), "bin", exe(name));

/** Returns the file of the glue generator: named by the hash of its source, so that all clones share it. */
export function glueFile() {
  const hash = createHash("sha256");
  for (const path of ["Cargo.toml", "Cargo.lock", join("src", "main.rs")]) {
    hash.update(readFileSync(join(root, "scripts", "glue", path)));
  }
  return join(cacheDir("tools"), `glue-${hash.digest("hex").slice(0, 16)}`, exe("tabtape-glue"));
}

/** @typedef {"own" | "debian"} ToolchainKind */

/** Returns the toolchain that can build wasm now, or null. @returns {Promise<ToolchainKind | null>} */
export async function wasmToolchain() {
  if (process.env.TABTAPE_WASM_TOOLCHAIN !== "debian" && (await ownSysrootHasWasm())) return "own";
  return existsSync(DEBIAN_WASM_STD) && existsSync(join(DEBIAN_BIN, "cargo")) ? "debian" : null;
}

async function ownSysrootHasWasm() {
  const { status, stdout } = await capture("rustc", ["--print", "target-libdir", "--target", WASM_TARGET]);
  return status === 0 && existsSync(stdout.trim());
}

/**
 * The environment in which `cargo`, `wasm-pack` and `wasm-opt` build wasm.
 * @param {ToolchainKind} kind
 */
export function wasmEnv(kind) {
  const path = [
    ...(kind === "debian" ? [DEBIAN_BIN] : []),
    dirname(toolFile("wasm-bindgen-cli", wasmBindgenVersion(), "wasm-bindgen")),
    dirname(toolFile("wasm-pack", WASM_PACK_VERSION, "wasm-pack")),
    join(root, "node_modules", ".bin"),
    process.env.PATH ?? "",
  ];
  return {
    ...process.env,
    PATH: path.join(delimiter),
    // A person's own RUSTFLAGS would replace the target's, so they are joined.
    ...(process.env.RUSTFLAGS
      ? { RUSTFLAGS: `${process.env.RUSTFLAGS} ${RUSTFLAGS}` }
      : { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: RUSTFLAGS }),
    ...(kind === "debian" ? { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: "wasm-ld-22" } : {}),
  };
}

/** Returns cargo's target folder. @param {NodeJS.ProcessEnv} [env] @returns {Promise<string>} */
export async function cargoTargetDir(env = process.env) {
  const { status, stdout, stderr } = await capture("cargo", ["metadata", "--format-version=1", "--no-deps"], {
    env,
  });
  if (status !== 0) throw new Error(`cargo metadata: ${stderr.trim()}`);
  return JSON.parse(stdout).target_directory;
}
