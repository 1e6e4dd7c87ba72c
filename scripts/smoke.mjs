/**
 * `npm run smoke`: the whole chain once, with the deaths it must survive.
 *
 * A page logs numbered lines while the extension's worker is killed twice and the collector once, with SIGKILL.
 * When all is delivered, one line of JSON says what came of it; the exit status is 0 only if every line
 * emitted is stored once or covered by a gap. Free ports, a throwaway profile and store.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "./build/parts.mjs";
import { requiredBrowser } from "./lib/browser.mjs";
import { evaluatorIn } from "./lib/cdp.mjs";
import { ask, startCollector } from "./lib/collector.mjs";
import { freePort, serve } from "./lib/port.mjs";
import { launchRecorder } from "./lib/recorder.mjs";
import { during, fail, heading, say, Tell } from "./lib/say.mjs";
import { setUp } from "./setup/all.mjs";

const EVENTS = 5000;
const PER_TICK = 10;
const TICK_MS = 10;
const COLLECTOR_DOWN_MS = 1500;
const DELIVERY_LIMIT_MS = 90_000;

/** Logs `n 1` … `n EVENTS`, and keeps count where we can read it. */
const PAGE = `<!doctype html><title>smoke</title><script>
  let emitted = 0;
  const timer = setInterval(() => {
    for (let i = 0; i < ${PER_TICK} && emitted < ${EVENTS}; i++) console.log("n " + ++emitted);
    if (emitted >= ${EVENTS}) clearInterval(timer);
  }, ${TICK_MS});
</script>`;

/** @type {(() => unknown)[]} */
const undo = [];

async function main() {
  heading("Setting up");
  await setUp({ browser: true });
  heading("Building");
  await build(["www", "collector", "wasm", "extension"], { quick: true });

  heading("Recording, with two deaths of the worker and one of the collector");
  const folder = mkdtempSync(join(tmpdir(), "tabtape-smoke-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const data = join(folder, "data");
  // The browser finds the collector by its address, so the one that comes back takes the same.
  const options = {
    folder: data,
    log: join(folder, "collector.log"),
    listen: `127.0.0.1:${await freePort()}`,
  };
  let collector = await startCollector(options);
  undo.push(() => collector.stop());
  const browser = await requiredBrowser();
  const log = join(folder, "browser.log");
  const { running } = collector;
  const recorder = await during("Start the browser", () =>
    launchRecorder({ browser, folder, running, headless: true, log }),
  );
  undo.push(() => recorder.browser.close());

  const page = await openPage(recorder);
  await page.until(EVENTS * 0.25);
  await killWorker(recorder);
  await page.until(EVENTS * 0.5);
  say("  killing the collector with SIGKILL");
  await collector.kill();
  await sleep(COLLECTOR_DOWN_MS);
  collector = await startCollector(options);
  say(`  the collector is back at ${collector.running.url}`);
  await page.until(EVENTS * 0.75);
  await killWorker(recorder);
  const emitted = await page.until(EVENTS);

  const result = await during("Wait for delivery", () => delivery(data, emitted));
  await checkDeaths(data);
  return { emitted, ...result };
}

/** @param {Awaited<ReturnType<typeof launchRecorder>>} recorder */
async function openPage(recorder) {
  const site = await serve((_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end(PAGE),
  );
  undo.push(site.close);
  const targetId = await recorder.openOnly(`${site.origin}/`);
  const evaluate = await evaluatorIn(recorder.browser.cdp, targetId);
  return {
    /** Waits until the page has logged that many lines; says how many it has. @param {number} least */
    async until(least) {
      for (;;) {
        const emitted = await evaluate("typeof emitted === 'number' ? emitted : 0");
        if (emitted >= least) return emitted;
        await sleep(20);
      }
    },
  };
}

/** @param {Awaited<ReturnType<typeof launchRecorder>>} recorder */
async function killWorker(recorder) {
  say("  killing the worker");
  if (!(await recorder.killWorker())) throw new Tell("there was no worker to kill");
}

/** Waits until all lines are accounted for, or nothing can come any more. @param {string} data @param {number} emitted */
async function delivery(data, emitted) {
  const began = Date.now();
  for (;;) {
    const result = await account(data);
    if (result.stored + result.gaps >= emitted || Date.now() - began > DELIVERY_LIMIT_MS) return result;
    await sleep(250);
  }
}

/** Counts the page's lines in the store: each number once, repeated, or in a gap. @param {string} data */
async function account(data) {
  const numbers = new Map();
  let gaps = 0;
  for (const line of (await ask(data, ["query", "--json", "category:console"])).split("\n").filter(Boolean)) {
    const { event, gap } = JSON.parse(line);
    if (gap?.category === "console") gaps += gap.last_seq - gap.first_seq + 1;
    const number = /^n (\d+)$/.exec(event?.data?.text ?? "")?.[1];
    if (number) numbers.set(number, (numbers.get(number) ?? 0) + 1);
  }
  const records = [...numbers.values()].reduce((sum, count) => sum + count, 0);
  return { stored: numbers.size, duplicates: records - numbers.size, gaps };
}

/** A run in which nothing died would prove nothing. @param {string} data */
async function checkDeaths(data) {
  const lines = (await ask(data, ["query", "--json", "type:system.worker_started"])).split("\n");
  const starts = lines.filter((line) => line.includes('"type":"system.worker_started"')).length;
  if (starts < 3)
    throw new Tell(`the worker started ${starts} times; killed twice, it must start 3 times or more`);
}

process.once("SIGINT", () => process.exit(130));
const outcome = await main().then(
  (result) => ({ result, error: null }),
  (error) => ({ result: null, error }),
);
for (const step of undo.reverse()) await Promise.resolve(step()).catch((error) => say(String(error)));
if (!outcome.result) fail(outcome.error);
const { emitted, stored, duplicates, gaps } = outcome.result;
process.stdout.write(`${JSON.stringify({ emitted, stored, duplicates, gaps })}\n`);
process.exit(emitted === EVENTS && emitted === stored + gaps && duplicates === 0 ? 0 : 1);
