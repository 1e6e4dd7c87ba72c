/**
 * Finding a Chromium that can carry the unpacked extension, and the switches that it needs.
 *
 * In order: TABTAPE_BROWSER, Chromium, Chrome for Testing, branded Chrome. The last ignores
 * `--load-extension` since 137 and gets the extension over CDP instead (see launch.mjs).
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { cacheDir } from "./paths.mjs";
import { isRoot, isWindows, which } from "./platform.mjs";
import { versionOf } from "./run.mjs";
import { Tell } from "./say.mjs";

/**
 * @typedef {object} Browser
 * @property {string} file
 * @property {string} version `Chromium 156.0.8078.79`, or "" where it can't be asked.
 * @property {boolean} branded Takes the extension over CDP only.
 * @property {boolean} snap Confined by snap: it sees no folder whose name begins with a dot, and not /tmp.
 */

/** Switches of each launch: a browser that records should itself say nothing to the network. */
export const SWITCHES = [
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  ...(isRoot ? ["--no-sandbox"] : []),
];
export const HEADLESS = ["--headless=new", "--disable-gpu"];

/** Returns the browser, or says how to name one. */
export async function requiredBrowser() {
  const browser = await findBrowser();
  if (browser === null) throw new Tell("no Chromium was found; name one in TABTAPE_BROWSER");
  return browser;
}

/** @returns {Promise<Browser | null>} */
export async function findBrowser() {
  const named = process.env.TABTAPE_BROWSER;
  if (named) {
    const file = existsSync(named) ? named : which(named);
    if (!file) throw new Tell(`TABTAPE_BROWSER names ${named}, and there is no such program`);
    return describe(file);
  }
  for (const file of candidates()) {
    const browser = await describe(file);
    if (isWindows || browser.version) return browser;
  }
  return null;
}

/** @param {string} file @returns {Promise<Browser>} */
async function describe(file) {
  // On Windows `chrome.exe --version` opens a window instead of answering.
  const version = isWindows ? "" : ((await versionOf(file)) ?? "");
  const branded = isWindows
    ? /Google[\\/]Chrome[\\/]/i.test(file)
    : /^Google Chrome (?!for Testing)/.test(version);
  return { file, version, branded, snap: isSnap(file) };
}

function* candidates() {
  for (const name of ["chromium", "chromium-browser"]) yield* some(which(name));
  yield* platformPaths("Chromium");
  yield* testingBuilds(join(cacheDir("browsers")));
  yield* testingBuilds(join(homedir(), ".cache", "puppeteer", "chrome"));
  yield* platformPaths("Google Chrome for Testing");
  for (const name of ["google-chrome", "google-chrome-stable", "chrome"]) yield* some(which(name));
  yield* platformPaths("Google Chrome");
}

/** @param {string | null} file */
function* some(file) {
  if (file && existsSync(file)) yield file;
}

/** @param {string} name */
function* platformPaths(name) {
  if (process.platform === "darwin") {
    for (const base of ["/Applications", join(homedir(), "Applications")]) {
      yield* some(join(base, `${name}.app`, "Contents", "MacOS", name));
    }
  }
  if (isWindows) {
    const folder =
      name === "Chromium" ? "Chromium" : name === "Google Chrome" ? join("Google", "Chrome") : name;
    for (const base of [
      process.env.LOCALAPPDATA,
      process.env.PROGRAMFILES,
      process.env["PROGRAMFILES(X86)"],
    ]) {
      if (base) yield* some(join(base, folder, "Application", "chrome.exe"));
    }
  }
}

/** Builds that playwright-core or Puppeteer put into a folder, newest first. @param {string} folder */
function* testingBuilds(folder) {
  const app = "Google Chrome for Testing";
  const inside = [
    ["chrome-linux64", "chrome"],
    ["chrome-linux", "chrome"],
    [`chrome-mac-arm64`, `${app}.app`, "Contents", "MacOS", app],
    [`chrome-mac-x64`, `${app}.app`, "Contents", "MacOS", app],
    ["chrome-win64", "chrome.exe"],
  ];
  const builds = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
  for (const build of builds) for (const parts of inside) yield* some(join(folder, build, ...parts));
}

/** @param {string} file */
function isSnap(file) {
  if (process.platform !== "linux") return false;
  const real = realpathSync(file);
  if (real.startsWith("/snap/") || real === "/usr/bin/snap") return true;
  // Ubuntu's /usr/bin/chromium-browser is a short script that runs the snap.
  const text = readFileSync(real).subarray(0, 4096);
  return text.subarray(0, 2).toString() === "#!" && text.includes("/snap/bin/chromium");
}

/** ChromeDriver, or null: wasm-pack then fetches one itself. */
export const findChromedriver = () => process.env.CHROMEDRIVER || which("chromedriver") || null;
