/**
 * Starts a browser of our own profile with the unpacked extension in it, and stops it again.
 *
 * Chromium and Chrome for Testing take the extension by switch; branded Chrome ignores that since 137 and
 * takes it over CDP (`Extensions.loadUnpacked`, which only the pipe allows).
 * https://developer.chrome.com/docs/extensions/mv3/tut_debugging
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HEADLESS, SWITCHES } from "./browser.mjs";
import { CdpPipe } from "./cdp.mjs";
import { isRoot, isWindows } from "./platform.mjs";
import { track } from "./run.mjs";
import { note, Tell } from "./say.mjs";

/** How long a browser may take to close before it is killed. */
const CLOSE_LIMIT_MS = 10_000;

/**
 * @typedef {object} LaunchOptions
 * @property {import("./browser.mjs").Browser} browser
 * @property {string} profile A folder of our own.
 * @property {string} extension The unpacked extension's folder.
 * @property {string} url What the first tab shows.
 * @property {boolean} headless
 * @property {string} log Where the browser's own output goes.
 * @property {boolean} [hush] Do not say what is unusual about this launch.
 * @property {string[]} [args] More switches.
 */

/** @param {LaunchOptions} options */
export async function launch({
  browser,
  profile,
  extension,
  url,
  headless,
  log,
  hush = false,
  args: more = [],
}) {
  preferDeveloperMode(profile);
  if (isRoot && !hush) note("you are root, so Chromium runs without its sandbox (--no-sandbox)");
  const args = [
    `--user-data-dir=${profile}`,
    "--remote-debugging-pipe",
    ...SWITCHES,
    ...(headless ? [...HEADLESS, "--window-size=1280,800"] : []),
    ...more,
    ...(browser.branded
      ? ["--enable-unsafe-extension-debugging"]
      : [`--load-extension=${extension}`, `--disable-extensions-except=${extension}`]),
    browser.branded ? "about:blank" : url,
  ];
  const output = openSync(log, "a");
  // Its own process group: we handle Ctrl-C in the terminal first.
  const child = spawn(browser.file, args, {
    detached: !isWindows,
    stdio: ["ignore", output, output, "pipe", "pipe"],
  });
  track(child);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const failed = new Promise((_, reject) => {
    child.once("error", (error) => reject(new Tell(`could not start ${browser.file}: ${error.message}`)));
    exited.then((code) => reject(new Tell(`the browser ended with status ${code} at once; see ${log}`)));
  });
  failed.catch(() => {});
  const [write, read] = [child.stdio[3], child.stdio[4]];
  const cdp = new CdpPipe(
    /** @type {import("node:stream").Writable} */ (write),
    /** @type {import("node:stream").Readable} */ (/** @type {unknown} */ (read)),
  );
  await Promise.race([cdp.send("Browser.getVersion"), failed]);
  if (browser.branded) {
    await cdp.send("Extensions.loadUnpacked", { path: extension });
    await cdp.send("Target.createTarget", { url });
  }

  return {
    pid: /** @type {number} */ (child.pid),
    cdp,
    exited,
    /** Closes it as a person would, so that it writes out what it holds. */
    async close() {
      await cdp.send("Browser.close").catch(() => {});
      const late = setTimeout(() => kill(child), CLOSE_LIMIT_MS);
      await exited;
      clearTimeout(late);
    },
    /** Kills it and all its processes at once. */
    kill: () => kill(child),
  };
}

/** @param {import("node:child_process").ChildProcess} child */
function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null || !child.pid) return;
  try {
    process.kill(isWindows ? child.pid : -child.pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}

/** Without developer mode `chrome.runtime.reload()` disables an unpacked extension. @param {string} profile */
function preferDeveloperMode(profile) {
  const file = join(profile, "Default", "Preferences");
  if (existsSync(file)) return;
  mkdirSync(join(profile, "Default"), { recursive: true });
  writeFileSync(file, JSON.stringify({ extensions: { ui: { developer_mode: true } } }));
}
