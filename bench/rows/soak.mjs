/** Rows: the memory of each process while a page logs and fetches for ten minutes, at the beginning and at the end. */
import { readFileSync } from "node:fs";
import { serve } from "../../scripts/lib/port.mjs";
import { descends, processes } from "../../scripts/lib/processes.mjs";
import { RECORDING_PARTS, recording } from "../lib/recording.mjs";
import { overFloor, row } from "../lib/row.mjs";
import { round, summary } from "../lib/stats.mjs";

const SECONDS = 600;
/** Samples of the first and of the last part of the time are compared. */
const PART = 0.2;
const GOAL_GROWTH = 1.2;
const KINDS = ["page", "extension", "collector"];

export const name = "soak";
export const parts = RECORDING_PARTS;
export const isLong = true;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  return await measure(quick ? 30 : SECONDS);
}

/** @param {number} seconds */
async function measure(seconds) {
  const site = await serve((request, response) => {
    const isPage = request.url === "/";
    response.setHeader("content-type", isPage ? "text/html" : "application/json");
    response.end(isPage ? `<!doctype html><script>(${inPage})()</script>` : '{"ok":true}');
  });
  try {
    return await recording([site.host], async (recorder, _query, collector) => {
      await recorder.openOnly(`${site.origin}/`);
      const samples = Object.fromEntries(KINDS.map((kind) => [kind, []]));
      for (const until = Date.now() + seconds * 1_000; Date.now() < until; ) {
        await new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / 60));
        const now = mibOf(recorder.browser.pid, collector.pid);
        for (const kind of KINDS) samples[kind].push(now[kind]);
      }
      return KINDS.map((kind) => rowOf(kind, samples[kind], seconds));
    });
  } finally {
    site.close();
  }
}

function rowOf(kind, samples, seconds) {
  const part = Math.ceil(samples.length * PART);
  const [first, last] = [summary(samples.slice(0, part)), summary(samples.slice(-part))];
  const fields = overFloor(last, first);
  return row({
    name: `memory of the ${kind} after ${round(seconds / 60)} min`,
    unit: "MiB",
    ...fields,
    goal: seconds === SECONDS ? `≤ ${GOAL_GROWTH}× the first minutes` : null,
    met: seconds === SECONDS ? fields.ratio_to_floor <= GOAL_GROWTH : null,
    plot: {
      of: "Memory over ten minutes",
      x: { minutes: samples.map((_, at) => round(((at + 1) * seconds) / 60 / samples.length)) },
      y: { MiB: { [kind]: samples.map(round) } },
    },
    notes: `floor: the first ${PART * 100} % of the time; proportional set size; 200 console calls and 10 fetches a second`,
  });
}

/** Memory in MiB, shared pages by share. */
function mibOf(browser, collector) {
  const mib = { page: 0, extension: 0, collector: pss(collector) };
  processes(({ pid, command }) => {
    if (command.includes("--type=renderer") && descends(pid, browser))
      mib[command.includes("--extension-process") ? "extension" : "page"] += pss(pid);
    return false;
  });
  return mib;
}

function pss(pid) {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) / 1024;
  } catch {
    return 0; // It has ended meanwhile.
  }
}

function inPage() {
  let said = 0;
  setInterval(() => {
    for (let at = 0; at < 20; at++)
      console.log("a line of some length, as applications write them", { said: said++ });
    fetch(`/answer?at=${said}`).then((response) => response.json());
  }, 100);
}
