/**
 * Rust that can build wasm: the toolchain on PATH with rustup's `wasm32-unknown-unknown`, else, where that
 * can't be fetched and we are root on Debian, the one of debian.mjs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/paths.mjs";
import { canApt, which } from "../lib/platform.mjs";
import { capture, versionOf } from "../lib/run.mjs";
import { step, Tell } from "../lib/say.mjs";
import { WASM_TARGET, wasmToolchain } from "../lib/toolchain.mjs";
import { aptInstall } from "./apt.mjs";
import { debianIsCurrent, setUpDebianToolchain } from "./debian.mjs";

/** Limits of a stalled download; shorter if a fallback exists. */
const RUSTUP_LIMIT_MS = { withFallback: 180_000, without: 900_000 };

const OLDEST_NODE = 20;

/** Checks for the programs that a person has to install, and says how. */
export async function checkPrograms() {
  const node = Number(process.versions.node.split(".")[0]);
  if (node < OLDEST_NODE)
    throw new Tell(`this is Node ${process.versions.node}; install Node ${OLDEST_NODE} or newer`);
  const rustc = await versionOf("rustc");
  if (!rustc || !(await versionOf("cargo")))
    throw new Tell("cargo and rustc are not on PATH; install Rust from https://rustup.rs");
  const oldest =
    readFileSync(join(root, "Cargo.toml"), "utf8").match(/^rust-version = "([\d.]+)"/m)?.[1] ?? "0";
  if (!isAtLeast(rustc.split(" ")[1] ?? "0", oldest)) {
    throw new Tell(`${rustc} is too old; install Rust ${oldest} or newer (rustup update stable)`);
  }
  if (process.platform === "linux" && !which("cc")) {
    if (!canApt()) throw new Tell("no C compiler is on PATH, and Rust links with it; install gcc or clang");
    await aptInstall("Install a C compiler", ["gcc", "libc6-dev"]);
  }
}

/** @param {string} version @param {string} oldest */
function isAtLeast(version, oldest) {
  const [have, want] = [version, oldest].map((text) => text.split(/[.-]/).map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] || 0) - (want?.[i] || 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** @param {{ lints: boolean }} wanted Whether clippy must be able to check the wasm too. */
export async function setUpWasmTarget({ lints }) {
  const kind = await wasmToolchain();
  if (kind === "own") return;
  if (kind === "debian" && (await debianIsCurrent({ lints }))) return;
  if (kind === null && (await addRustupTarget())) return;
  if (canApt()) return setUpDebianToolchain({ lints });
  throw new Tell(
    `Rust has no standard library for ${WASM_TARGET} here; run "rustup target add ${WASM_TARGET}" with network access, then this again`,
  );
}

async function addRustupTarget() {
  if (process.env.TABTAPE_WASM_TOOLCHAIN === "debian" || !which("rustup")) return false;
  const shown = step(`Add rustup's ${WASM_TARGET}`);
  const timeoutMs = canApt() ? RUSTUP_LIMIT_MS.withFallback : RUSTUP_LIMIT_MS.without;
  const options = { timeoutMs, onLine: shown.update };
  const { status, stderr } = await capture("rustup", ["target", "add", WASM_TARGET], options);
  if (status === 0) {
    shown.done();
    return true;
  }
  const reason = stderr.match(/^error: (.{1,80})/m)?.[1] ?? "it took too long";
  shown.failed(`could not be fetched (${reason})`);
  return false;
}
