/**
 * Runs other programs: with progress while they run, their output shown only when they fail, and nothing
 * left behind when we are stopped.
 */
import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import { root } from "./paths.mjs";
import { isWindows } from "./platform.mjs";
import { dim, say, step, Tell } from "./say.mjs";

/** How much of a failed program's output is shown. */
const SHOWN_LINES = 80;

/**
 * `idle`: it gets the processor when no other program wants it.
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, input?: string, timeoutMs?: number, idle?: boolean }} RunOptions
 */
/** @typedef {{ status: number, stdout: string, stderr: string, output: string }} RunResult */

/**
 * Runs a program to its end and returns what it said. Never throws for an exit status.
 * @param {string} command @param {string[]} args
 * @param {RunOptions & { onLine?: (line: string) => void }} [options]
 * @returns {Promise<RunResult>}
 */
export function capture(command, args, options = {}) {
  const { cwd = root, env = process.env, input, timeoutMs, idle = false, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], ...shellFor(command) });
    const untrack = track(child);
    if (idle && child.pid) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    const text = { stdout: "", stderr: "", output: "" };
    for (const name of /** @type {const} */ (["stdout", "stderr"])) {
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk) => {
        text[name] += chunk;
        text.output += chunk;
        const lines = chunk.split(/[\r\n]+/).filter((/** @type {string} */ line) => line.trim());
        if (onLine && lines.length > 0) onLine(lines[lines.length - 1] ?? "");
      });
    }
    const timer = timeoutMs ? setTimeout(() => child.kill("SIGKILL"), timeoutMs) : undefined;
    child.stdin.on("error", () => {}); // It may close its input unread; its exit status says how it went.
    child.stdin.end(input);
    child.once("error", (error) => {
      untrack();
      reject(new Tell(`could not start ${command}: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      untrack();
      resolve({ status: code ?? (signal ? 128 : 1), ...text });
    });
  });
}

/**
 * Runs a program as a step a person watches; a failure shows the end of its output and throws.
 * @param {string} title @param {string} command @param {string[]} args @param {RunOptions} [options]
 */
export async function run(title, command, args, options = {}) {
  const shown = step(title);
  /** @type {RunResult} */
  let result;
  try {
    result = await capture(command, args, { ...options, onLine: (line) => shown.update(line) });
  } catch (error) {
    shown.failed();
    throw error;
  }
  if (result.status !== 0) {
    shown.failed();
    say(lastLines(result.output));
    throw new Tell(`${[command, ...args].join(" ")} ended with status ${result.status}`);
  }
  shown.done();
  return result;
}

/** @param {string} output */
function lastLines(output) {
  const lines = output.trimEnd().split("\n");
  const cut = lines.length - SHOWN_LINES;
  return [...(cut > 0 ? [dim(`… ${cut} lines above left out`)] : []), ...lines.slice(-SHOWN_LINES)].join(
    "\n",
  );
}

/** The first line a program prints for `--version`, or null when it does not run. @param {string} command @param {string[]} [args] */
export async function versionOf(command, args = ["--version"]) {
  try {
    const { status, stdout } = await capture(command, args, { timeoutMs: 20_000 });
    return status === 0 ? (stdout.split("\n")[0] ?? "").trim() : null;
  } catch {
    return null;
  }
}

/** npm's own command line, run by the Node that runs us. @param {string[]} args @returns {[string, string[]]} */
export function npm(args) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith(".js")) return [process.execPath, [cli, ...args]];
  return [isWindows ? "npm.cmd" : "npm", args];
}

/** Node refuses to start `.cmd` files without a shell. @param {string} command */
const shellFor = (command) => (isWindows && /\.(cmd|bat)$/i.test(command) ? { shell: true } : {});

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();

/**
 * Remembers a child so that none outlives us. Returns how to forget it.
 * @param {import("node:child_process").ChildProcess} child
 */
export function track(child) {
  children.add(child);
  const untrack = () => children.delete(child);
  child.once("exit", untrack);
  return untrack;
}

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
