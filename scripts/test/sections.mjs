/**
 * The sections of `npm test`: lists of steps, each step a program, each with the line by which its runner sums up.
 *
 * A section says what it needs; `--only` brings that along.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build/parts.mjs";
import { findBrowser, findChromedriver } from "../lib/browser.mjs";
import { dist, root } from "../lib/paths.mjs";
import { isRoot, which } from "../lib/platform.mjs";
import { rotelFile } from "../lib/rotel.mjs";
import { WASM_TARGET, wasmEnv, wasmToolchain } from "../lib/toolchain.mjs";
import { setUp } from "../setup/all.mjs";
import { setUpTools } from "../setup/tools.mjs";

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string} command
 * @property {string[]} args
 * @property {NodeJS.ProcessEnv} [env]
 * @property {RegExp} [sums] The lines by which the runner sums up.
 */
/**
 * @typedef {object} Section
 * @property {string} what
 * @property {string[]} needs
 * @property {() => Promise<Step[] | void>} steps Steps to run, or it has done its work itself.
 * @property {boolean} [atOnce] No step waits for the one before it.
 * @property {string} [alongside] A section that may run at the same time: one is busy, one waits.
 */

const tool = (/** @type {string[]} */ ...parts) => join(root, "node_modules", ...parts);

/** @type {Record<string, Section>} In order. */
export const SECTIONS = {
  setup: { what: "what a bare machine lacks", needs: [], steps: () => setUp({ browser: true, tests: true }) },
  build: { what: "everything in dist/", needs: ["setup"], steps: () => build(undefined, { quick: true }) },
  lint: { what: "formatting, lints and types, warnings denied", needs: ["build"], steps: lint, atOnce: true },
  rust: { what: "native Rust tests and doc tests", needs: ["build"], steps: rust },
  e2e: {
    what: "the unpacked extension against a real collector",
    needs: ["build"],
    steps: nodeTests("tests/e2e", ["resilience", "page_unchanged", "navigation"]),
  },
  tools: {
    what: "what runs wasm tests in a browser",
    needs: ["setup"],
    steps: () => setUpTools(),
    alongside: "e2e",
  },
  wasm: { what: "the core in a page and in a service worker", needs: ["tools"], steps: wasm },
  faults: {
    what: "everything that can die, dies, and the ledger adds up",
    needs: ["build"],
    steps: faults,
    alongside: "wasm",
  },
  viewer: {
    what: "the viewer in a browser",
    needs: ["build"],
    steps: nodeTests("tests/viewer", ["views", "live", "logs"]),
  },
  agent: {
    what: "the tools as an agent's client sees them",
    needs: ["build"],
    steps: nodeTests("tests/agent"),
  },
  npm: { what: "the package packed, and imported", needs: ["build"], steps: nodeTests("tests/npm") },
};

async function lint() {
  const env = await toolchainEnv();
  const clippy = (/** @type {string} */ what, /** @type {string[]} */ args, env = process.env) => ({
    title: `cargo clippy${what}`,
    command: "cargo",
    args: ["clippy", ...args, "--", "--deny", "warnings"],
    env,
  });
  const target = ["--target", WASM_TARGET];
  return [
    { title: "cargo fmt", command: "cargo", args: ["fmt", "--all", "--check"] },
    {
      title: "cargo fmt, scripts/glue",
      command: "cargo",
      args: ["fmt", "--manifest-path", join(root, "scripts", "glue", "Cargo.toml"), "--check"],
    },
    clippy("", ["--workspace", "--all-targets"]),
    clippy(`, ${WASM_TARGET}`, ["--package", "tabtape", "--all-targets", ...target], env),
    clippy(
      ", without the recorder",
      ["--package", "tabtape", "--lib", "--no-default-features", ...target],
      env,
    ),
    {
      title: "biome",
      command: process.execPath,
      args: [tool("@biomejs", "biome", "bin", "biome"), "ci", "--error-on-warnings", "."],
      sums: /^Checked .*/m,
    },
    { title: "size of the wasm", command: process.execPath, args: [join(root, "scripts", "wasm_size.mjs")] },
    { title: "tsc", command: process.execPath, args: [tool("typescript", "bin", "tsc"), "--noEmit"] },
    {
      title: "dpdm, import circles",
      command: process.execPath,
      args: [
        tool("dpdm", "lib", "bin", "dpdm.js"),
        ...["--no-progress", "--no-tree", "--no-warning", "--exit-code", "circular:1"],
        ...["src/web/*.ts", "www/src/**/*.{ts,tsx}", "extension/**/*.{ts,tsx}"],
      ],
    },
  ];
}

async function rust() {
  const rotel = rotelFile();
  const env = { ...process.env, ...(rotel ? { TABTAPE_ROTEL: rotel } : {}) };
  const doc = {
    title: "cargo test --doc",
    command: "cargo",
    args: ["test", "--workspace", "--doc"],
    sums: /^test result: .*/gm,
  };
  const nextest = which("cargo-nextest");
  const tests = nextest
    ? { title: "cargo nextest", args: ["nextest", "run", "--workspace"], sums: /^ *Summary .*/gm }
    : { title: "cargo test", args: ["test", "--workspace", "--all-targets"], sums: /^test result: .*/gm };
  const instructions = {
    title: "instructions of the hot paths",
    command: process.execPath,
    args: [join(root, "bench", "run.mjs"), "--instructions"],
    sums: /^\w+ +\d+ +\S+× the baseline$/gm,
  };
  return [{ command: "cargo", ...tests, env }, doc, instructions];
}

async function wasm() {
  const driver = findChromedriver();
  const env = {
    ...(await toolchainEnv()),
    WASM_BINDGEN_TEST_WEBDRIVER_JSON: await capabilities(),
    WASM_BINDGEN_TEST_TIMEOUT: "300",
  };
  /** The core's own tests run wherever the runner's settings say; those of the log name their environment. */
  const within = (/** @type {string} */ place, /** @type {string} */ test, /** @type {string} */ use) => ({
    title: `wasm-pack test, in a ${place}`,
    command: "wasm-pack",
    args: [
      ...["test", "--headless", "--chrome", ...(driver ? ["--chromedriver", driver] : [])],
      ...["--", "--profile", "wasm-test", "--lib", "--test", "wire", "--test", test],
    ],
    env: { ...env, [use]: "1" },
    sums: /^test result: .*/gm,
  });
  return [
    within("page", "log_page", "WASM_BINDGEN_USE_BROWSER"),
    within("service worker", "log_service_worker", "WASM_BINDGEN_USE_SERVICE_WORKER"),
  ];
}

/** webdriver.json with what this machine needs besides: its browser, and as root no sandbox. */
async function capabilities() {
  const wanted = JSON.parse(readFileSync(join(root, "webdriver.json"), "utf8"));
  const options = wanted["goog:chromeOptions"];
  if (isRoot) options.args.push("--no-sandbox");
  const browser = await findBrowser();
  if (browser) options.binary = browser.file;
  const file = dist("test", "webdriver.json");
  mkdirSync(dist("test"), { recursive: true });
  writeFileSync(file, JSON.stringify(wanted));
  return file;
}

async function faults() {
  const args = [join(root, "scripts", "faults.mjs")];
  return [
    { title: "npm run faults", command: process.execPath, args, sums: /^It (adds|does not add) up.*/gm },
  ];
}

/** Every test file below a folder. @param {string} folder @param {string[]} [first] What takes longest. */
function nodeTests(folder, first = []) {
  const script = join(root, "scripts", "test", "files.mjs");
  const step = {
    title: `node --test ${folder}`,
    command: process.execPath,
    args: [script, ...first.map((name) => `--first=${name}`), folder],
    sums: /^ℹ (tests|pass|fail|skipped) \d+/gm,
  };
  return async () => [step];
}

async function toolchainEnv() {
  const kind = await wasmToolchain();
  if (!kind) throw new Error("the setup left no toolchain that can build wasm");
  return wasmEnv(kind);
}
