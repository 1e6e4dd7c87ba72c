/**
 * `npm start [-- --url URL | --no-browser | --headless]`: sets up, builds, and records.
 *
 * Collector, browser, one link to the viewer, and the events as they come, until Ctrl-C. Then the browser
 * goes first, having delivered what it holds, and the collector last. What could not be delivered is kept
 * in the browser's profile and follows at the next start.
 */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build/parts.mjs";
import { requiredBrowser } from "./lib/browser.mjs";
import { ask, collectorFile, findCollector, startCollector } from "./lib/collector.mjs";
import { serveDemo } from "./lib/demo.mjs";
import { cacheDir, dataDir, dist } from "./lib/paths.mjs";
import { hasDisplay, isWindows } from "./lib/platform.mjs";
import { launchRecorder } from "./lib/recorder.mjs";
import { track } from "./lib/run.mjs";
import { bold, cyan, dim, during, fail, heading, note, say, Tell } from "./lib/say.mjs";
import { textOf } from "./lib/stamp.mjs";
import { together } from "./lib/together.mjs";
import { startSetUp } from "./setup/all.mjs";

const FLUSH_LIMIT_MS = 10_000;
const data = dataDir();

/** Undone in reverse when we stop. @type {(() => unknown)[]} */
const undo = [];

/** Asks to stop; with an error when it is not what a person wanted. @type {(why: Error | null) => void} */
let requestStop = () => {};
/** @type {Promise<Error | null>} */
const stopRequested = new Promise((resolve) => {
  requestStop = resolve;
});

async function main() {
  const options = readOptions();
  heading("Setting up and building");
  const setUp = await startSetUp({ browser: options.browser });
  await together([setUp.all, build(["www", "collector", "wasm", "extension"], { quick: true, setUp })]);

  heading("Starting");
  claim();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, interrupted);
  const running = await collector();
  if (options.browser) await record(options, running);
  else explain();
  await showLinks({ pairing: !options.browser });
  tail();
}

function readOptions() {
  const options = {
    url: { type: /** @type {const} */ ("string") },
    "no-browser": { type: /** @type {const} */ ("boolean") },
    headless: { type: /** @type {const} */ ("boolean") },
  };
  try {
    const { values } = parseArgs({ options });
    if (values.url !== undefined && !URL.canParse(values.url)) {
      throw new Error(`--url ${values.url} is not an address; write it as https://…`);
    }
    return {
      url: values.url,
      browser: !values["no-browser"],
      headless: values.headless === true || !hasDisplay(),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(". To specify")[0] : String(error);
    throw new Tell(`${reason}\n  npm start -- [--url URL] [--headless] [--no-browser]`);
  }
}

/** One start a user: the browser's profile and the collector's store have one owner. */
function claim() {
  const file = join(cacheDir("start"), "running.pid");
  const other = Number(textOf(file));
  if (other && isAlive(other)) throw new Tell(`npm start already runs (process ${other}); stop it first`);
  writeFileSync(file, `${process.pid}`);
  undo.push(() => rmSync(file, { force: true }));
}

async function collector() {
  const found = await findCollector(data);
  if (found) {
    note(`a collector of yours already runs at ${found.url}; using it, and leaving it when we stop`);
    return found;
  }
  const started = await during("Start the collector", () =>
    startCollector({ folder: data, log: join(cacheDir("logs"), "collector.log") }),
  );
  undo.push(() => during("Stop the collector", () => started.stop(), { still: true }));
  started.exited.then((how) =>
    requestStop(new Tell(`the collector stopped: ${how}; see ${cacheDir("logs")}`)),
  );
  return started.running;
}

/** @param {ReturnType<typeof readOptions>} options @param {import("./lib/collector.mjs").Running} running */
async function record(options, running) {
  const browser = await requiredBrowser();
  if (options.headless)
    note(hasDisplay() ? "headless, as asked" : "there is no display here, so the browser is headless");
  const { headless } = options;
  const log = join(cacheDir("logs"), "browser.log");
  const recorder = await during(`Start ${browser.version || browser.file}`, () =>
    launchRecorder({ browser, folder: homeOf(browser), running, headless, log }),
  );
  let closed = false;
  undo.push(async () => {
    if (closed) return;
    closed = true;
    const title = "Deliver what is left, and close the browser";
    const problem = await during(title, () => recorder.finish(FLUSH_LIMIT_MS), { still: true });
    if (problem)
      note(`not everything could be delivered (${problem}); it is kept, and follows at the next start`);
  });
  recorder.browser.exited.then(() => {
    if (closed) return;
    closed = true;
    note("the browser was closed; what it had not delivered follows at the next start");
    requestStop(null);
  });
  if (options.url) await recorder.openOnly(options.url);
  else {
    const demo = await serveDemo();
    undo.push(demo.close);
    await recorder.openOnly(`${demo.origin}/`);
    say(`  demo page  ${demo.origin}/`);
  }
}

/** Returns the folder of a browser's profile and its copy of the extension. @param {import("./lib/browser.mjs").Browser} browser */
function homeOf(browser) {
  const folder = browser.snap ? join(homedir(), "snap", "chromium", "common", "tabtape") : cacheDir("start");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Explains how to load the extension into one's own browser. */
function explain() {
  say(`\n  1. Open ${cyan("chrome://extensions")} and switch on ${bold("Developer mode")}.`);
  say(`  2. Choose ${bold("Load unpacked")} and this folder:\n     ${cyan(dist("extension"))}`);
  say("  3. Open the pairing link below in that browser, and accept if its page shows the same code.");
  say(`  4. Press ${bold("Record")} there, or later in the extension's popup.`);
}

/** The links work once, within a minute; Enter makes others. @param {{ pairing: boolean }} wanted */
async function showLinks({ pairing }) {
  say();
  if (pairing) {
    const { url: link, short_code: code } = JSON.parse(await ask(data, ["pair", "--json"]));
    say(`  pairing    ${bold(cyan(link))}  code ${bold(code)}`);
  }
  const { url } = JSON.parse(await ask(data, ["viewer", "--json"]));
  say(`  viewer     ${bold(cyan(url))}`);
  say(dim("             works once, within 60 s; press Enter for another. Ctrl-C stops everything.\n"));
  if (process.stdin.isTTY) process.stdin.once("data", () => void showLinks({ pairing }).catch(requestStop));
}

/** The events as they come, in colour where the terminal has it. */
function tail() {
  const child = spawn(collectorFile, ["tail", "-n", "0"], {
    env: { ...process.env, TABTAPE_DATA_DIR: data },
    detached: !isWindows,
    stdio: ["ignore", "inherit", "inherit"],
  });
  track(child);
  undo.unshift(() => child.kill());
  child.once("error", requestStop);
  child.once("exit", (code) => requestStop(new Tell(`tabtape tail ended with status ${code}`)));
}

let asked = 0;
function interrupted() {
  if (++asked > 1) process.exit(130); // Asked twice: at once. What was committed is on disk.
  requestStop(null);
}

/** Undoes all that was done, even when one step of it fails. @returns {Promise<Error | null>} */
async function stop() {
  let failure = null;
  if (undo.length > 0) heading("Stopping");
  for (const step of undo.reverse()) {
    try {
      await step();
    } catch (error) {
      failure = /** @type {Error} */ (error);
    }
  }
  return failure;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const outcome = await main().then(
  () => stopRequested,
  (error) => error,
);
const failure = (await stop()) ?? outcome;
if (failure) fail(failure);
process.exit(0);
