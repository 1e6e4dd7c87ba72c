/**
 * Rows: reading a store of 10 thousand, 1 million and (in full) 10 million events: a page from a cursor, a search
 * for text, a diagnosis, an event's way from a recorder's POST to a subscriber; the memory that is resident meanwhile, and the
 * room that an event takes on disk.
 *
 * Stores are made once and kept in the cache. Each is read once before it is measured, because the system may or may not
 * have its files in memory. Before each read from the disk, its two files are dropped from the system's memory.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDir } from "../../scripts/lib/paths.mjs";
import { during } from "../../scripts/lib/say.mjs";
import { batch, idOf, line, sessionId } from "../lib/events.mjs";
import { row } from "../lib/row.mjs";
import { buildCollector, serving } from "../lib/serve.mjs";
import { percentile, round } from "../lib/stats.mjs";

export const name = "query";
export const isLong = true;

const BYTES = 300;
/** Raised when the made-up events or what a store keeps of them change. */
const VERSION = 3;
const BATCH = 2_000;
/** Several recorders, as over a week. */
const SESSIONS = 20;
const SIZES = { "10 k": 10_000, "1 M": 1_000_000, "10 M": 10_000_000 };
/** The largest ratio of a median to that of the smallest size that counts as flat on a shared machine. */
const FLAT = 2;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const { tabtape } = await buildCollector();
  const samples = quick ? 100 : 500;
  /** @type {Record<string, any>} */
  const smallest = {};
  const made = [];
  for (const [label, events] of Object.entries(SIZES)) {
    // A quick run leaves out stores that it would have to make first.
    if (quick && (events > 1_000_000 || (events > 10_000 && !isMade(folderOf(events))))) continue;
    const folder = await store(tabtape, events);
    const { samplesOf, resident } = await serving({ program: tabtape, folder }, (collector) =>
      measure(collector, folder, events, samples),
    );
    made.push(diskRow(label, folder, events));
    for (const [what, all] of Object.entries(samplesOf)) {
      const p50 = /** @type {number} */ (percentile(all, 0.5));
      const p99 = percentile(all, 0.99);
      smallest[what] ??= p50;
      const times = round(p50 / smallest[what]);
      const goal = what.startsWith("cursor") || what === "diagnose" ? `p50 ≤ ${FLAT}× that at 10 k` : null;
      made.push(
        row({
          name: `${what}, ${label}`,
          unit: "ms p50",
          ours: p50,
          spread: [p50, p99],
          p99,
          peers: { p99, ...resident },
          goal,
          met: goal === null ? null : times <= FLAT,
          plot: {
            of: "Reading, by events stored",
            x: { "events stored": events },
            y: { "ms, p50": { [what]: p50 } },
          },
          notes: `${all.length} times, ${times}× the p50 at 10 k`,
        }),
      );
    }
  }
  return made;
}

/** @param {string} label @param {string} folder @param {number} events */
function diskRow(label, folder, events) {
  const files = ["events.db", "events.db-wal"].map((file) => join(folder, file)).filter(existsSync);
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return row({
    name: `on disk, ${label}`,
    unit: "B/event",
    ours: round(bytes / events),
    floor: BYTES,
    ratio_to_floor: round(bytes / events / BYTES),
    notes: "floor: the event's line; with its indexes of text and fields",
  });
}

/** @param {number} events */
const folderOf = (events) => join(cacheDir("bench"), `store-${events}-v${VERSION}`);
/** @param {string} folder */
const isMade = (folder) => existsSync(join(folder, "made"));

/** A store of so many events, found in the cache or made. @param {string} program @param {number} events */
async function store(program, events) {
  const folder = folderOf(events);
  if (isMade(folder)) return folder;
  for (const old of readdirSync(cacheDir("bench"))) {
    if (old.startsWith(`store-${events}-`)) rmSync(join(cacheDir("bench"), old), { recursive: true });
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await during(`Make a store of ${events} events`, (step) =>
    serving({ program, folder }, async (collector) => {
      const agent = collector.connection();
      const each = events / SESSIONS;
      const size = Math.min(BATCH, each);
      // Sessions one after another, each batch ready before the one before it is answered.
      let sending = Promise.resolve();
      for (let session = 0; session < SESSIONS; session++) {
        for (let first = 1; first <= each; first += size) {
          const next = batch(sessionId(session), first, size, BYTES);
          await sending;
          sending = collector.deliver(agent, next);
          step.update(`${Math.round((100 * (session * each + first)) / events)} %`);
        }
      }
      await sending;
      step.update("the text index");
      await indexed(collector, agent, events);
      agent.destroy();
    }),
  );
  writeFileSync(join(folder, "made"), "");
  return folder;
}

/** Waits until the index covers every complete block. @param {any} collector @param {any} agent @param {number} events */
async function indexed(collector, agent, events) {
  for (;;) {
    const path = "/v1/events?limit=1&format=json&coverage=false";
    const { indexed_to } = JSON.parse((await collector.ask(agent, { path })).text);
    if (indexed_to > events - 1000) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Loads a store's files into the system's memory, or drops them from it. That can take longer than the collector keeps an
 * idle connection, whose end has to be seen meanwhile.
 * @param {string} folder @param {"load" | "drop"} what
 */
async function setPageCache(folder, what) {
  for (const name of ["events.db", "index.db"]) {
    const how = what === "load" ? ["of=/dev/null", "bs=1M"] : ["iflag=nocache", "count=0"];
    await promisify(execFile)("dd", [`if=${join(folder, name)}`, ...how, "status=none"]);
  }
}

/**
 * @param {import("../lib/serve.mjs").Served} collector @param {string} folder
 * @param {number} events @param {number} samples
 */
async function measure(collector, folder, events, samples) {
  const agent = collector.connection();
  const page = async (/** @type {string} */ query) => {
    const began = performance.now();
    const { status, text } = await collector.ask(agent, {
      path: `/v1/events?${query}&format=json&coverage=false`,
    });
    const took = performance.now() - began;
    if (status !== 200) throw new Error(text);
    return { took, page: JSON.parse(text) };
  };
  const { store_id } = collector.running;
  const anywhere = (/** @type {number} */ n) =>
    Math.floor((((n * 0.6180339887) % 1) + 1e-9) * (events - 200));
  /** @type {Record<string, number[]>} */
  const samplesOf = { "cursor read of 100": [], "search, one match": [], "search, no match": [] };
  const read = async (/** @type {number} */ n) => {
    const { took, page: full } = await page(`after=${store_id}:${anywhere(n)}&limit=100`);
    if (full.records.length !== 100) throw new Error("a page is not full");
    return took;
  };
  await setPageCache(folder, "load");
  for (let n = 0; n < samples; n++) {
    samplesOf["cursor read of 100"].push(await read(n));
    if (n % 4 > 0) continue;
    // A session and a seq that are stored.
    const each = events / SESSIONS;
    const at = anywhere(n);
    const text = idOf(sessionId(Math.floor(at / each)), (at % each) + 1);
    const hit = await page(`q=${text}&limit=20&newest=true`);
    if (hit.page.records.length !== 1) throw new Error(`${text} was found ${hit.page.records.length} times`);
    samplesOf["search, one match"].push(hit.took);
    const miss = await page(`q=${text.slice(0, -3)}zzqz&limit=20&newest=true`);
    if (miss.page.records.length !== 0) throw new Error("what is not there was found");
    samplesOf["search, no match"].push(miss.took);
  }
  const fromDisk = [];
  for (let n = 0; n < samples / 5; n++) {
    await setPageCache(folder, "drop");
    fromDisk.push(await read(samples + n));
  }
  samplesOf["cursor read of 100 from the disk"] = fromDisk;
  await setPageCache(folder, "load");
  samplesOf.diagnose = [];
  for (let n = 0; n < Math.min(samples, 50); n++) {
    const began = performance.now();
    const { status, text } = await collector.ask(agent, { path: "/v1/diagnose" });
    samplesOf.diagnose.push(performance.now() - began);
    if (status !== 200) throw new Error(text);
  }
  samplesOf["POST → SSE subscriber"] = await hops(collector, agent, Math.min(samples, 200));
  const resident = collector.resident();
  agent.destroy();
  return { samplesOf, resident };
}

/** One event at a time, from before its POST until a subscriber has its line. */
async function hops(
  /** @type {import("../lib/serve.mjs").Served} */ collector,
  /** @type {any} */ agent,
  /** @type {number} */ count,
) {
  // Each time another session: the store keeps what it is sent.
  const session = sessionId(Date.now());
  const stop = new AbortController();
  const { url, token } = collector.running;
  const stream = await fetch(`${url}/v1/stream?after=latest`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stop.signal,
  });
  const reader = /** @type {ReadableStream<Uint8Array>} */ (stream.body).getReader();
  const decoder = new TextDecoder();
  let seen = "";
  const until = async (/** @type {string} */ text) => {
    while (!seen.includes(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the stream ended");
      seen += decoder.decode(value, { stream: true });
    }
    seen = "";
  };
  await until(": live");
  const took = [];
  for (let seq = 1; seq <= count; seq++) {
    const one = {
      path: `/v1/batches?session=${session}&first_seq=${seq}&last_seq=${seq}`,
      body: Buffer.from(`${line(session, seq, BYTES)}\n`),
    };
    const began = performance.now();
    const delivered = collector.deliver(agent, one);
    await until(idOf(session, seq));
    took.push(performance.now() - began);
    await delivered;
  }
  stop.abort();
  await reader.cancel().catch(() => {});
  return took;
}
