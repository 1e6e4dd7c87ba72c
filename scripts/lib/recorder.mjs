/**
 * A browser that records: a copy of the built extension, preconfigured, in a launched browser; and a page of
 * the extension's own through which its worker is asked for its status and for a flush.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { emit, filesIn } from "../build/emit.mjs";
import { evaluatorIn } from "./cdp.mjs";
import { launch } from "./launch.mjs";
import { dist } from "./paths.mjs";
import { Tell } from "./say.mjs";

const READY_LIMIT_MS = 30_000;
const PAGE_LIMIT_MS = 5000;

/**
 * Copies the built extension and writes `tabtape.json` next to its manifest, for this user's eyes only.
 * @param {string} to @param {object} preconfiguration Collector, recording and capture config.
 */
function copyExtension(to, preconfiguration) {
  const from = dist("extension");
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o700);
  const files = new Map(
    filesIn(from).map((path) => [path, /** @type {Uint8Array} */ (readFileSync(join(from, path)))]),
  );
  const text = JSON.stringify(preconfiguration);
  const file = join(to, "tabtape.json");
  if (!existsSync(file)) writeFileSync(file, "", { mode: 0o600 });
  chmodSync(file, 0o600);
  emit(to, files.set("tabtape.json", Buffer.from(text)));
}

/** Returns Chromium's id of an extension: its manifest's key hashed, in letters from a to p. @param {string} folder */
export function extensionId(folder) {
  const { key } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("hex").slice(0, 32);
  return [...digest].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("");
}

/**
 * Removes the worker's script that Chromium keeps in the profile when it is of another build: it would continue
 * running it, with the new wasm. The build's version tells; what was recorded is kept elsewhere in the profile.
 * @param {string} profile @param {string} extension
 */
function forgetOldWorker(profile, extension) {
  const home = join(profile, "Default");
  const { version } = JSON.parse(readFileSync(join(extension, "manifest.json"), "utf8"));
  let registered;
  try {
    const { extensions } = JSON.parse(readFileSync(join(home, "Preferences"), "utf8"));
    registered = extensions.settings[extensionId(extension)].service_worker_registration_info.version;
  } catch {
    return; // A profile that never ran it.
  }
  if (registered !== version) rmSync(join(home, "Service Worker"), { recursive: true, force: true });
}

/**
 * Launches a browser with the extension and waits until it records and its collector has accepted it.
 * @typedef {object} RecorderOptions
 * @property {string} folder Gets the profile and the copy of the extension.
 * @property {import("./collector.mjs").Running} running
 * @property {object} [capture] Its capture config.
 * @property {(extension: string) => void} [prepare] Changes the extension's copy before it is loaded.
 * @param {Omit<import("./launch.mjs").LaunchOptions, "url" | "profile" | "extension"> & RecorderOptions} options
 */
export async function launchRecorder({ folder, running, capture, prepare, ...options }) {
  const extension = join(folder, "extension");
  const profile = join(folder, "profile");
  const collector = { url: running.url, secret: running.pairing.secret };
  copyExtension(extension, { collector, recording: true, capture });
  prepare?.(extension);
  forgetOldWorker(profile, extension);
  const browser = await launch({ ...options, profile, extension, url: "about:blank" });
  const recorder = new Recorder(browser, extensionId(extension));
  try {
    await recorder.untilRecording();
    return recorder;
  } catch (error) {
    browser.kill();
    throw error;
  }
}

class Recorder {
  /** @param {Awaited<ReturnType<typeof launch>>} browser @param {string} extensionId */
  constructor(browser, extensionId) {
    this.browser = browser;
    this.extensionId = extensionId;
  }

  /** Opens a tab. @param {string} url @returns {Promise<string>} Its target. */
  async open(url) {
    const { targetId } = await this.browser.cdp.send("Target.createTarget", { url });
    return targetId;
  }

  /** Leaves only one tab, showing `url`. @param {string} url */
  async openOnly(url) {
    const kept = await this.open(url);
    const others = (await this.#targets()).filter(
      ({ targetId, type }) => type === "page" && targetId !== kept,
    );
    for (const { targetId } of others) {
      // One that is closing by itself is gone by now.
      await this.browser.cdp.send("Target.closeTarget", { targetId }).catch(() => {});
    }
    return kept;
  }

  /** Sends the worker a command as our own pages do, and returns its answer. @param {object} command */
  async command(command) {
    const { cdp } = this.browser;
    const url = `chrome-extension://${this.extensionId}/popup.html`;
    const { targetId } = await cdp.send("Target.createTarget", { url, background: true });
    try {
      const evaluate = await evaluatorIn(cdp, targetId);
      // A tab is about:blank until its page has come.
      for (let waited = 0; !(await evaluate("Boolean(globalThis.chrome?.runtime?.id)")); waited += 20) {
        if (waited >= PAGE_LIMIT_MS) throw new Error(`${url} did not open`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const send = `chrome.runtime.sendMessage(${JSON.stringify(command)}).then(JSON.stringify)`;
      const answer = JSON.parse(await evaluate(send));
      if (answer.error) throw new Error(answer.error);
      return answer.ok;
    } finally {
      await cdp.send("Target.closeTarget", { targetId }).catch(() => {});
    }
  }

  async untilRecording() {
    const began = Date.now();
    let last = "it did not answer";
    while (Date.now() - began < READY_LIMIT_MS) {
      try {
        const status = await this.command({ command: "status" });
        if (status.recording && status.recorder?.collector.state === "ok") return;
        last = status.failure ?? JSON.stringify(status.recorder?.collector ?? status);
      } catch (error) {
        // The page is there before the worker is.
        last = error instanceof Error ? error.message : String(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Tell(`the extension did not begin to record within 30 s: ${last}`);
  }

  /** The target of the worker, if it runs. */
  async worker() {
    return (await this.#targets()).find(
      ({ type, url }) =>
        type === "service_worker" && url.startsWith(`chrome-extension://${this.extensionId}/`),
    );
  }

  /** Ends the worker as Chromium itself may at any moment. */
  async killWorker() {
    const worker = await this.worker();
    if (!worker) return false;
    await this.browser.cdp.send("Target.closeTarget", { targetId: worker.targetId });
    return true;
  }

  /** Closes every page, has everything delivered, and closes the browser. @param {number} limitMs */
  async finish(limitMs) {
    const flushed = this.#flush().then(
      () => "",
      (error) => (error instanceof Error ? error.message : String(error)),
    );
    const late = new Promise((resolve) => setTimeout(resolve, limitMs, "it took too long").unref());
    const problem = String(await Promise.race([flushed, late]));
    await this.browser.close();
    return problem;
  }

  async #flush() {
    // The last words of a page come as it closes; a flush that is asked for afterwards includes them.
    await this.openOnly("about:blank");
    await new Promise((resolve) => setTimeout(resolve, 200));
    await this.command({ command: "flush" });
  }

  /** @returns {Promise<{ targetId: string, type: string, url: string }[]>} */
  async #targets() {
    return (await this.browser.cdp.send("Target.getTargets")).targetInfos;
  }
}
