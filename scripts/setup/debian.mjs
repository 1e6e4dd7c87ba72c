/**
 * Wasm without rustup's download: Debian's `rustc-web`, and std for wasm32 built once from its own source.
 *
 * The packages live in /usr next to rustup and do not touch it. What is built is kept in the cache by the
 * compiler's version, and copied where that compiler looks for it.
 */
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cacheDir } from "../lib/paths.mjs";
import { run } from "../lib/run.mjs";
import { note, Tell } from "../lib/say.mjs";
import { isStamped, stamp } from "../lib/stamp.mjs";
import { DEBIAN_BIN, DEBIAN_WASM_STD, WASM_TARGET } from "../lib/toolchain.mjs";
import { aptInstall, installedVersion } from "./apt.mjs";

const PACKAGES = ["rustc-web", "cargo-web", "libstd-rust-web-dev", "rust-web-src", "rust-web-llvm", "lld-22"];
const LINT_PACKAGES = ["rust-web-clippy"];
const STD_SOURCE = "/usr/lib/rustlib/src/rust/library";
const STAMP = join(DEBIAN_WASM_STD, ".tabtape-stamp");

/** Whether std is installed and was built by the compiler that is installed now. @param {{ lints: boolean }} wanted */
export async function debianIsCurrent({ lints }) {
  const version = await installedVersion("rustc-web");
  if (version === null || !isStamped(STAMP, version)) return false;
  return !lints || (await missing(LINT_PACKAGES)).length === 0;
}

/** @param {{ lints: boolean }} wanted */
export async function setUpDebianToolchain({ lints }) {
  note("building wasm with Debian's rustc-web, and its standard library from source, once");
  const wanted = await missing([...PACKAGES, ...(lints ? LINT_PACKAGES : [])]);
  if (wanted.length > 0) await aptInstall("Install Debian's Rust for the web", wanted);
  const version = await installedVersion("rustc-web");
  if (version === null) throw new Tell("apt-get installed no rustc-web; look at what it said above");
  if (isStamped(STAMP, version)) return;

  const built = cacheDir("wasm-std", version.replace(/[^\w.+-]/g, "_"));
  if (!isStamped(join(built, "stamp"), version)) {
    await buildStd(built);
    stamp(join(built, "stamp"), version);
  }
  rmSync(DEBIAN_WASM_STD, { recursive: true, force: true });
  mkdirSync(DEBIAN_WASM_STD, { recursive: true });
  cpSync(join(built, "lib"), DEBIAN_WASM_STD, { recursive: true });
  stamp(STAMP, version);
}

/** @param {string} folder Gets `lib/` with the standard library's crates. */
async function buildStd(folder) {
  const source = join(folder, "library");
  const target = join(folder, "target");
  rmSync(folder, { recursive: true, force: true });
  cpSync(STD_SOURCE, source, { recursive: true, dereference: true });
  const args = ["build", "--release", "--manifest-path", join(source, "sysroot", "Cargo.toml")];
  args.push("--target", WASM_TARGET, "--features", "panic-unwind,backtrace", "--target-dir", target);
  const env = { ...process.env };
  delete env.RUSTUP_TOOLCHAIN;
  delete env.CARGO_TARGET_DIR;
  Object.assign(env, {
    PATH: [DEBIAN_BIN, env.PATH].join(delimiter),
    RUSTC_BOOTSTRAP: "1", // A released compiler builds its own std only with this permission.
    CARGO_PROFILE_RELEASE_DEBUG: "0",
    RUSTFLAGS: "-Cembed-bitcode=yes -Zforce-unstable-if-unmarked",
    __CARGO_DEFAULT_LIB_METADATA: "stablestd",
  });
  await run(`Build Rust's standard library for ${WASM_TARGET}`, join(DEBIAN_BIN, "cargo"), args, {
    env,
    cwd: source,
  });
  const deps = join(target, WASM_TARGET, "release", "deps");
  mkdirSync(join(folder, "lib"));
  for (const name of readdirSync(deps))
    if (name.endsWith(".rlib")) cpSync(join(deps, name), join(folder, "lib", name));
  rmSync(target, { recursive: true });
  rmSync(source, { recursive: true });
}

/** @param {string[]} packages */
async function missing(packages) {
  const versions = await Promise.all(packages.map(installedVersion));
  return packages.filter((_, i) => versions[i] === null);
}
