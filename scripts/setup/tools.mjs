/**
 * Tools that only the tests of the wasm in a browser need, built from source through cargo: the test runner of
 * wasm-bindgen (of exactly the crate's version) and wasm-pack. They are kept in the cache by version; a right one on
 * PATH is taken as it is.
 *
 * They take minutes to compile and other tests run meanwhile, so their compilers run at the lowest priority.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../lib/paths.mjs";
import { which } from "../lib/platform.mjs";
import { capture, run, versionOf } from "../lib/run.mjs";
import { step } from "../lib/say.mjs";
import { toolFile, toolRoot, WASM_PACK_VERSION, wasmBindgenVersion } from "../lib/toolchain.mjs";

export async function setUpTools() {
  // A folder of this process alone, because another clone may be setting up at the same time.
  const target = join(cacheDir("tools"), `build-${process.pid}`);
  try {
    await setUpTool(target, "wasm-bindgen-cli", wasmBindgenVersion(), [
      "wasm-bindgen",
      "wasm-bindgen-test-runner",
    ]);
    await setUpTool(target, "wasm-pack", WASM_PACK_VERSION, ["wasm-pack"]);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

/** @param {string} target @param {string} crate @param {string} version @param {string[]} programs */
async function setUpTool(target, crate, version, programs) {
  const [program = crate] = programs;
  if ((await versionOf(toolFile(crate, version, program))) === `${program} ${version}`) return;
  if (programs.every((name) => which(name)) && (await versionOf(program)) === `${program} ${version}`) return;

  const env = {
    ...process.env,
    CARGO_TARGET_DIR: target,
    // Half the time to build for a tool that works a second per build.
    CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
    CARGO_PROFILE_RELEASE_LTO: "off",
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
    RUSTFLAGS: "",
  };
  const args = ["install", crate, "--version", version, "--root", toolRoot(crate, version), "--force"];
  const title = `Build ${crate} ${version}`;
  const shown = step(`${title} as it was released`);
  const locked = await capture("cargo", [...args, "--locked"], { env, onLine: shown.update, idle: true });
  if (locked.status === 0) shown.done();
  else {
    // A registry mirror may lag behind the newest crate that the lock file names.
    const reason = locked.stderr.match(/^error: (.{1,80})/m)?.[1] ?? `status ${locked.status}`;
    shown.failed(`is not possible here (${reason}); taking the crates that are there`);
    await run(title, "cargo", args, { env, idle: true });
  }
}
