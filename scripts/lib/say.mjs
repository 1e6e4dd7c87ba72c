/**
 * Progress for a person while a script works: everything here goes to stderr, so that stdout is left to results.
 *
 * On a terminal a running step is one line that counts its seconds and shows what the tool said last;
 * elsewhere (CI) it says every 20 s that it still runs.
 */
const err = process.stderr;
const coloured = Boolean(err.isTTY && !process.env.NO_COLOR && process.env.TERM !== "dumb");
const sgr = (/** @type {number} */ code) => (/** @type {string} */ text) =>
  coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
export const bold = sgr(1);
export const dim = sgr(2);
export const red = sgr(31);
export const green = sgr(32);
export const yellow = sgr(33);
export const cyan = sgr(36);

/** One line. @param {string} text */
export const say = (text = "") => void err.write(`${text}\n`);

/** A heading. @param {string} text */
export const heading = (text) => say(`\n${bold(text)}`);

/** Something a person should know and need not act on. @param {string} text */
export const note = (text) => say(`${yellow("!")} ${text}`);

/** `83.4 s` or `3 min 12 s`. @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 100;
const QUIET_START_MS = 1000;
const QUIET_INTERVAL_MS = 20_000;

/**
 * Steps that share the terminal's last line, oldest first.
 * @type {Set<{ title: string, began: number, latest: string }>}
 */
const animatedSteps = new Set();

/** Draws the last line again, with every step that runs and, if it is only one, what its tool said last. */
function drawSteps() {
  const frame = FRAMES[Math.floor(Date.now() / FRAME_MS) % FRAMES.length];
  const heads = Array.from(animatedSteps, ({ title, began }) => `${title} ${duration(Date.now() - began)}`);
  const [only, ...others] = animatedSteps;
  const tail = only?.latest && others.length === 0 ? `  ${only.latest}` : "";
  const width = Math.max(20, (err.columns || 100) - 1);
  err.write(`\r\x1b[2K${`${frame} ${heads.join(" · ")}${tail}`.slice(0, width)}`);
}

/**
 * Shows a step from now until `done` or `failed` is called.
 * @param {string} title
 * @param {{ still?: boolean }} [options] `still` where others write to the terminal too.
 */
export function step(title, { still = false } = {}) {
  const shown = { title, began: Date.now(), latest: "" };
  const animated = Boolean(err.isTTY) && !still;
  if (animated) animatedSteps.add(shown);
  const elapsed = () => duration(Date.now() - shown.began);
  const remind = () => say(`… ${title} ${elapsed()}${shown.latest ? `  ${shown.latest}` : ""}`);
  const first = setTimeout(animated ? drawSteps : remind, animated ? 0 : QUIET_START_MS);
  const timer = setInterval(animated ? drawSteps : remind, animated ? FRAME_MS : QUIET_INTERVAL_MS);
  const end = (/** @type {string} */ mark, /** @type {string} */ remark) => {
    clearTimeout(first);
    clearInterval(timer);
    animatedSteps.delete(shown);
    if (animated) err.write("\r\x1b[2K");
    say(`${mark} ${title}${remark ? ` ${remark}` : ""} ${dim(`(${elapsed()})`)}`);
  };
  return {
    /** Shows the last line that the tool printed. @param {string} line */
    update(line) {
      shown.latest = line.trim();
    },
    /** @param {string} [remark] */
    done: (remark = "") => end(green("✓"), remark),
    /** @param {string} [remark] */
    failed: (remark = "") => end(red("✗"), remark),
  };
}

/**
 * Runs `work` as a step of that title.
 * @template T
 * @param {string} title @param {(s: ReturnType<typeof step>) => Promise<T>} work @param {{ still?: boolean }} [options]
 */
export async function during(title, work, options) {
  const shown = step(title, options);
  try {
    const result = await work(shown);
    shown.done();
    return result;
  } catch (error) {
    shown.failed();
    throw error;
  }
}

/**
 * The end of every script: an error meant for people is its message alone, any other keeps its stack.
 * @param {unknown} error
 * @returns {never}
 */
export function fail(error) {
  sayFailure(error);
  process.exit(1);
}

/** @param {unknown} error */
export function sayFailure(error) {
  const known = error instanceof Error && error.name === "Tell";
  say(`${red("✗")} ${known ? error.message : error instanceof Error ? error.stack : String(error)}`);
}

/** An error whose message tells a person what to do; it needs no stack. */
export class Tell extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "Tell";
  }
}
