/**
 * Rows: `npm start` in a fresh clone, until it prints its first event: once with nothing downloaded or built, and then again.
 *
 * The system's packages and the Rust toolchain are there already, as on a machine whose owner has installed Rust.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/lib/paths.mjs";
import { run, track } from "../../scripts/lib/run.mjs";
import { during, Tell } from "../../scripts/lib/say.mjs";
import { measured, row } from "../lib/row.mjs";
import { round, summary } from "../lib/stats.mjs";

const WARM_STARTS = 5;
const GOALS = { empty: 360, warm: 5 };
const LIMIT_MS = 20 * 60_000;

export const name = "install";
export const isLong = true;

export async function rows() {
  const folder = mkdtempSync(join(tmpdir(), "tabtape-install-"));
  const clone = join(folder, "clone");
  // `CARGO_TARGET_DIR` is where this process builds.
  const { CARGO_TARGET_DIR: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    CARGO_HOME: join(folder, "cargo"),
    npm_config_cache: join(folder, "npm"),
    TABTAPE_CACHE: join(folder, "cache"),
    TABTAPE_DATA_DIR: join(folder, "data"),
  };
  try {
    await run("Clone", "git", ["clone", "--quiet", root, clone]);
    const empty = await during("Start with nothing built", () => secondsToFirstEvent(clone, env));
    const warm = [];
    for (let n = 0; n < WARM_STARTS; n++) warm.push(await secondsToFirstEvent(clone, env));
    const again = summary(warm);
    return [
      row({
        name: "npm start to the first event, nothing built",
        unit: "s",
        ours: round(empty),
        goal: `≤ ${GOALS.empty} s`,
        met: empty <= GOALS.empty,
        notes:
          "a fresh clone with empty caches of Tabtape, npm and cargo; toolchain and browser are installed",
      }),
      row({
        name: "npm start to the first event, again",
        unit: "s",
        ...measured(again),
        goal: `≤ ${GOALS.warm} s`,
        met: again.median <= GOALS.warm,
        notes: `${WARM_STARTS} starts, one after the other`,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts as `npm start` does, stops after the first event, and returns how long that event took. */
async function secondsToFirstEvent(/** @type {string} */ clone, /** @type {NodeJS.ProcessEnv} */ env) {
  const began = performance.now();
  const child = spawn(process.execPath, [join("scripts", "start.mjs"), "--headless"], {
    cwd: clone,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  track(child);
  const ended = new Promise((resolve) => child.once("close", resolve));
  let output = "";
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Tell(`no event came: ${output.slice(-2_000)}`)), LIMIT_MS);
      child.stdout.setEncoding("utf8");
      child.stdout.on("data", (text) => {
        // All but the events goes to the standard error.
        output += text;
        if (!output.includes("\n")) return;
        clearTimeout(timer);
        resolve((performance.now() - began) / 1_000);
      });
      child.once("close", () => reject(new Tell(`npm start ended: ${output.slice(-2_000)}`)));
    });
  } finally {
    child.kill("SIGINT");
    await ended;
  }
}
