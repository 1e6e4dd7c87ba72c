/** Runs `tabtape serve` and asks it things. */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dist, root } from "./paths.mjs";
import { exe, isWindows } from "./platform.mjs";
import { capture, track } from "./run.mjs";
import { Tell } from "./say.mjs";

/** The binary that the build makes. */
export const collectorFile = dist("bin", exe("tabtape"));

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;

/**
 * The content of `collector.json`.
 * @typedef {object} Running
 * @property {string} url
 * @property {number} pid
 * @property {string} store_id
 * @property {string} token Of this user's own commands.
 * @property {{ token: string, secret: string }} pairing
 */

/** The collector that runs on a folder, or null. @param {string} folder @returns {Promise<Running | null>} */
export async function findCollector(folder) {
  try {
    const running = JSON.parse(readFileSync(join(folder, "collector.json"), "utf8"));
    const answer = await fetch(`${running.url}/healthz`, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? running : null;
  } catch {
    return null;
  }
}

/**
 * Starts a collector on a folder and waits until it answers.
 * @param {{ folder: string, log: string, listen?: string, program?: string, more?: string[] }} options `listen` is
 *   its own default when absent, `program` what `npm run build` makes; `more` is said to `serve` besides.
 */
export async function startCollector({ folder, log, listen, program = collectorFile, more = [] }) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const output = openSync(log, "a", 0o600);
  const child = spawn(program, ["serve", ...(listen ? ["--listen", listen] : []), ...more], {
    cwd: root,
    env: { ...process.env, TABTAPE_DATA_DIR: folder },
    // Its own process group: we handle Ctrl-C in the terminal first.
    detached: !isWindows,
    stdio: ["ignore", output, output],
  });
  track(child);
  /** @type {Promise<string>} */
  const exited = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) =>
      resolve(signal ? `it was ended by ${signal}` : `it ended with status ${code}`),
    );
  });
  let ended = "";
  exited.then((how) => {
    ended = how;
  });

  const began = Date.now();
  let running = null;
  while (!running || running.pid !== child.pid) {
    if (ended) throw new Tell(`the collector did not start: ${ended}\n${lastLines(log)}`);
    if (Date.now() - began > START_LIMIT_MS)
      throw new Tell(`the collector did not answer in 30 s\n${lastLines(log)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    running = await findCollector(folder);
  }
  return {
    running,
    child,
    exited,
    /** Asks it to finish what it writes, and waits for that. */
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await exited;
      clearTimeout(late);
    },
    /** Ends it as a loss of power would. */
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/**
 * Runs a command of the collector and returns its output.
 * @param {string} folder @param {string[]} args
 */
export async function ask(folder, args) {
  const env = { ...process.env, TABTAPE_DATA_DIR: folder };
  const { status, stdout, stderr } = await capture(collectorFile, args, { env });
  if (status !== 0) throw new Tell(`tabtape ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}

/** @param {string} log */
const lastLines = (log) => readFileSync(log, "utf8").trimEnd().split("\n").slice(-12).join("\n");
