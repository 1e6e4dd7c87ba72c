/**
 * Rows: how long the extension's worker takes from its beginning until an event is in its log, by step; with a log that
 * is almost empty and with one that holds many events.
 *
 * The worker is started in the way in which the browser starts it, by a page that says something while none runs.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { evaluatorIn } from "../../scripts/lib/cdp.mjs";
import { serve } from "../../scripts/lib/port.mjs";
import { RECORDING_PARTS, recording } from "../lib/recording.mjs";
import { Reports } from "../lib/reports.mjs";
import { measured, row } from "../lib/row.mjs";
import { summary } from "../lib/stats.mjs";
import { within } from "../lib/within.mjs";

const GOAL_MS = 50;
const LIMIT_MS = 20_000;
const STEPS = ["load", "settings", "fetch", "compile", "open", "accept"];

export const name = "start";
export const parts = RECORDING_PARTS;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const rounds = quick ? 3 : 15;
  const events = quick ? 1_000 : 50_000;
  const reports = new Reports();
  const site = await serve((request, response) => {
    if (request.url === "/started") void reports.take(request, response);
    else response.end("a page");
  });
  const prepare = (/** @type {string} */ extension) => {
    const script = join(extension, "worker.js");
    writeFileSync(script, `(${watch})("${site.origin}/started");${readFileSync(script, "utf8")}`);
  };
  try {
    return await recording(
      [site.host],
      async (recorder) => {
        const page = await Page.open(recorder, site.origin);
        const few = await starts(recorder, page, reports, rounds);
        await page.fill(events);
        await recorder.command({ command: "flush" });
        const many = await starts(recorder, page, reports, rounds);
        return [rowOf(0, few), rowOf(events, many)];
      },
      prepare,
    );
  } finally {
    site.close();
  }
}

/** @param {number} events In the log, to thousands. @param {Record<string, number>[]} samples */
function rowOf(events, samples) {
  const total = summary(samples.map((sample) => sample.total));
  const steps = STEPS.map((step) => [step, summary(samples.map((sample) => sample[step])).median]);
  return row({
    name: `worker start to accepted event, ${events > 0 ? `${events} events` : "a few events"} in the log`,
    unit: "ms",
    ...measured(total),
    peers: Object.fromEntries(steps),
    goal: `≤ ${GOAL_MS} ms`,
    met: total.median <= GOAL_MS,
    notes: `${total.runs} starts; load: until its script runs; settings: until the wasm is asked for; fetch, compile: of the wasm; open: until the database is open; accept: until the first commit is done`,
  });
}

/** A page that logs on request. */
class Page {
  #evaluate;

  /** @param {(expression: string) => Promise<any>} evaluate */
  constructor(evaluate) {
    this.#evaluate = evaluate;
  }

  /** @param {any} recorder @param {string} url */
  static async open(recorder, url) {
    return new Page(await evaluatorIn(recorder.browser.cdp, await recorder.open(url)));
  }

  say(text) {
    return this.#evaluate(`console.log(${JSON.stringify(text)})`);
  }

  /** At a rate that the recorder takes. @param {number} count */
  fill(count) {
    return this.#evaluate(`(async () => {
      for (let at = 0; at < ${count}; at++) {
        console.log("one of many", { at });
        if (at % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 25));
      }
    })()`);
  }
}

async function starts(recorder, page, reports, rounds) {
  const samples = [];
  for (let turn = 0; turn <= rounds; turn++) {
    const started = reports.next();
    await recorder.killWorker();
    await page.say(`start ${turn}`);
    const marks = await within(started, LIMIT_MS, "no worker started and committed an event");
    // The first start compiles what later ones have in the cache.
    if (turn > 0) samples.push(stepsOf(marks));
  }
  return samples;
}

function stepsOf({ begun, fetching, fetched, compiled, opened, committed }) {
  return {
    load: begun,
    settings: fetching - begun,
    fetch: fetched - fetching,
    compile: compiled - fetched,
    open: opened - compiled,
    accept: committed - opened,
    total: committed,
  };
}

/** In the worker, before its script: reports when each step was done, in milliseconds after the worker's own beginning. */
function watch(address) {
  const marks = { begun: performance.now() };
  const mark = (step) => {
    marks[step] ??= performance.now();
  };
  const { fetch: nativeFetch } = globalThis;
  globalThis.fetch = async (...args) => {
    const isWasm = String(args[0]).endsWith(".wasm");
    if (isWasm) mark("fetching");
    const response = await nativeFetch(...args);
    if (isWasm) mark("fetched");
    return response;
  };
  const { compileStreaming } = WebAssembly;
  WebAssembly.compileStreaming = async (source) => {
    const module = await compileStreaming.call(WebAssembly, source);
    mark("compiled");
    return module;
  };
  const { open } = IDBFactory.prototype;
  IDBFactory.prototype.open = function (...args) {
    const request = open.apply(this, args);
    request.addEventListener("success", () => mark("opened"));
    return request;
  };
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (...args) {
    // A head is written as the session is resumed, before any event.
    const isEvents = this.name === "segments";
    this.transaction.addEventListener("complete", () => {
      if (isEvents && marks.committed === undefined) {
        mark("committed");
        nativeFetch(address, { method: "POST", body: JSON.stringify(marks) });
      }
    });
    return put.apply(this, args);
  };
}
