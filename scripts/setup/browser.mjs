/** A Chromium, and for tests a ChromeDriver, where none is found. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findBrowser, findChromedriver } from "../lib/browser.mjs";
import { cacheDir, root } from "../lib/paths.mjs";
import { canApt } from "../lib/platform.mjs";
import { run } from "../lib/run.mjs";
import { note, Tell } from "../lib/say.mjs";
import { aptInstall } from "./apt.mjs";

const TELL = "no Chromium was found; install Chromium or Chrome for Testing, or name one in TABTAPE_BROWSER";

export async function setUpBrowser() {
  if (await findBrowser()) return;
  if (canApt() && isDebian()) await aptInstall("Install Chromium", ["chromium"]);
  else await fetchTestingBuild();
  if (!(await findBrowser())) throw new Tell(TELL);
}

export async function setUpChromedriver() {
  if (findChromedriver()) return;
  if (canApt() && isDebian()) await aptInstall("Install ChromeDriver", ["chromium-driver"]);
  else note("no chromedriver is on PATH; wasm-pack will fetch one");
}

/** playwright-core has the address of Chrome for Testing for each platform. */
async function fetchTestingBuild() {
  const cli = join(root, "node_modules", "playwright-core", "cli.js");
  const env = { ...process.env, PLAYWRIGHT_BROWSERS_PATH: cacheDir("browsers") };
  await run("Fetch Chrome for Testing", process.execPath, [cli, "install", "chromium", "--no-shell"], {
    env,
  }).catch((error) => {
    throw error instanceof Tell ? new Tell(TELL) : error;
  });
}

/** Ubuntu's package `chromium` is only a way to the snap. */
function isDebian() {
  return /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
}
