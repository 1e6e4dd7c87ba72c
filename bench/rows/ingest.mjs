/**
 * Rows: events of 300 B stored on disk over HTTP, by batch size and connections, next to a loop that only inserts
 * the same lines into the same tables, and next to rotel; and how soon what is stored is found.
 */
import { spawn } from "node:child_process";
import { appendFileSync, closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { freePort, serve } from "../../scripts/lib/port.mjs";
import { rotelFile } from "../../scripts/lib/rotel.mjs";
import { capture, track } from "../../scripts/lib/run.mjs";
import { batch, sessionId } from "../lib/events.mjs";
import { otlpLogs } from "../lib/otlp.mjs";
import { measured, overFloor, row } from "../lib/row.mjs";
import { buildCollector, Served, serving } from "../lib/serve.mjs";
import { round, summary } from "../lib/stats.mjs";

export const name = "ingest";
export const isLong = true;

const BYTES = 300;
/** DESIGN §10. */
const GOAL_OF_LOOP = 1.5;
const GOAL_PER_SECOND = { 1: 80_000, 4: 120_000 };
const SEARCHABLE_MS = 200;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  const { tabtape, insertLoop } = await buildCollector();
  const rounds = quick ? 1 : 5;
  const events = quick ? 40_000 : 200_000;
  const sizes = quick ? [500] : [100, 500, 2000];
  const scratch = mkdtempSync(join(tmpdir(), "tabtape-bench-"));
  try {
    const made = [];
    const lines = join(scratch, "lines.ndjson");
    writeFileSync(lines, batch(sessionId(0), 1, events, BYTES).body);
    for (const size of sizes) {
      /** @type {Record<string, number[]>} */
      const rates = { one: [], four: [], fts5: [], bare: [], rotel: [] };
      for (let n = 0; n < rounds; n++) {
        // In turn, so that what else the machine does falls on all alike.
        rates.one.push(await ingested(tabtape, events, size, 1));
        rates.fts5.push(await inserted(insertLoop, scratch, lines, size, "fts5"));
        rates.four.push(await ingested(tabtape, events, size, 4));
        rates.bare.push(await inserted(insertLoop, scratch, lines, size, "bare"));
        const rotel = await throughRotel(scratch, events, size);
        if (rotel !== null) rates.rotel.push(rotel);
      }
      const figures = Object.fromEntries(Object.entries(rates).map(([who, all]) => [who, summary(all)]));
      for (const [connections, ours] of Object.entries({ 1: figures.one, 4: figures.four })) {
        const fields = overFloor(ours, figures.fts5);
        const perSecond = GOAL_PER_SECOND[connections];
        made.push({
          name: `ingest ${BYTES} B × ${size}, ${connections} conn.`,
          unit: "events/s",
          ...fields,
          peers: {
            insert_loop_without_text: figures.bare.median,
            ...(rates.rotel.length > 0 ? { rotel_to_file: figures.rotel.median } : {}),
          },
          ratio_to_best_peer: rates.rotel.length > 0 ? round(ours.median / figures.rotel.median) : null,
          goal: `≥ ${GOAL_OF_LOOP}× an insert loop with FTS5, ≥ ${perSecond} events/s`,
          plot: {
            of: "Events stored a second, by batch size",
            x: { "events a batch": size },
            y: {
              "events a second": {
                [`${connections} connection${connections === "1" ? "" : "s"}`]: ours.median,
                "insert loop with FTS5": figures.fts5.median,
                ...(rates.rotel.length > 0 ? { rotel: figures.rotel.median } : {}),
              },
            },
          },
          met: fields.ratio_to_floor >= GOAL_OF_LOOP && ours.median >= perSecond,
          notes: `${events} events, each batch on disk before it is answered; ${rounds} rounds`,
        });
      }
    }
    made.push(await searchable(tabtape, quick ? 2 : 10));
    return made;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @param {string} program @param {number} events @param {number} size @param {number} connections */
function ingested(program, events, size, connections) {
  return serving({ program }, async (collector) => {
    const each = events / connections;
    const work = Array.from({ length: connections }, (_, n) => ({
      agent: collector.connection(),
      batches: Array.from({ length: each / size }, (_, k) => batch(sessionId(n), k * size + 1, size, BYTES)),
    }));
    const began = performance.now();
    await Promise.all(
      work.map(async ({ agent, batches }) => {
        for (const one of batches) await collector.deliver(agent, one);
      }),
    );
    const took = performance.now() - began;
    for (const { agent } of work) agent.destroy();
    return Math.round((events / took) * 1000);
  });
}

/** @param {string} program @param {string} scratch @param {string} lines @param {number} size @param {string} kind */
async function inserted(program, scratch, lines, size, kind) {
  const folder = mkdtempSync(join(scratch, "loop-"));
  const { status, output, stdout } = await capture(program, [folder, lines, String(size), kind]);
  rmSync(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(output);
  return Number(stdout);
}

/**
 * rotel takes OTLP and has no way to a file of its own: it hands on, packed, to a receiver that appends what it gets
 * and syncs it. Its answer comes before that; the clock stops when everything is in the file. Null where it is missing.
 * @param {string} scratch @param {number} events @param {number} size
 */
async function throughRotel(scratch, events, size) {
  const rotel = rotelFile();
  if (!rotel) return null;
  const requests = Array.from({ length: events / size }, (_, n) =>
    otlpLogs(sessionId(0), n * size + 1, size, BYTES),
  );
  const file = join(scratch, "rotel.bin");
  const descriptor = openSync(file, "w");
  let bytes = 0;
  const receiver = await serve(async (request, response) => {
    const body = await buffer(request);
    appendFileSync(descriptor, body);
    fsyncSync(descriptor);
    // It packs what it hands on; the end of a gzip says how long it was before.
    bytes +=
      request.headers["content-encoding"] === "gzip" ? body.readUInt32LE(body.length - 4) : body.length;
    response.setHeader("content-type", "application/x-protobuf").end();
  });
  const [http, grpc] = [await freePort(), await freePort()];
  const child = spawn(
    rotel,
    [
      ...["start", "--otlp-http-endpoint", `127.0.0.1:${http}`, "--otlp-grpc-endpoint", `127.0.0.1:${grpc}`],
      ...["--exporter", "otlp", "--otlp-exporter-protocol", "http", "--otlp-exporter-compression", "gzip"],
      ...["--otlp-exporter-endpoint", receiver.origin, "--batch-timeout", "100ms"],
    ],
    { stdio: "ignore" },
  );
  track(child);
  try {
    const url = `http://127.0.0.1:${http}/v1/logs`;
    const send = (/** @type {Buffer} */ body) =>
      fetch(url, { method: "POST", headers: { "content-type": "application/x-protobuf" }, body });
    while (!(await send(requests[0]).catch(() => null))?.ok)
      await new Promise((resolve) => setTimeout(resolve, 50));
    // It groups batches anew, so what arrives is counted by its size: each record is as long as it was sent.
    while (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const [before, expected] = [bytes, BYTES * (events - size)];
    const began = performance.now();
    for (const body of requests.slice(1))
      if (!(await send(body)).ok) throw new Error("rotel refused a request");
    for (let idle = 0, seen = bytes; bytes - before < expected; idle = bytes === seen ? idle + 2 : 0) {
      if (idle > 10_000) throw new Error(`rotel handed on ${bytes - before} of ${expected} bytes`);
      seen = bytes;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return Math.round(((events - size) / (performance.now() - began)) * 1000);
  } finally {
    child.kill("SIGKILL");
    receiver.close();
    closeSync(descriptor);
  }
}

/**
 * At 50,000 events per second: from the moment an event's batch is sent until a search finds its text.
 * @param {string} program @param {number} seconds
 */
function searchable(program, seconds) {
  const [rate, size] = [50_000, 500];
  return serving({ program }, async (collector) => {
    const session = sessionId(0);
    const [sender, searcher] = [collector.connection(), collector.connection()];
    const batches = Array.from({ length: (rate / size) * seconds }, (_, n) =>
      batch(session, n * size + 1, size, BYTES),
    );
    /** @type {Promise<number>[]} */
    const searches = [];
    const began = performance.now();
    for (const [n, one] of batches.entries()) {
      const due = began + (n * size * 1000) / rate;
      if (due > performance.now())
        await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      const sent = performance.now();
      const delivered = collector.deliver(sender, one);
      if (n % 20 === 19) searches.push(found(collector, searcher, one, sent));
      await delivered;
    }
    const sustained = Math.round((batches.length * size * 1000) / (performance.now() - began));
    const figures = summary(await Promise.all(searches));
    sender.destroy();
    searcher.destroy();
    return row({
      name: `searchable at ${rate / 1000} k/s`,
      unit: "ms until found",
      ...measured(figures),
      goal: `≤ ${SEARCHABLE_MS} ms at ${rate} events/s`,
      met: figures.high <= SEARCHABLE_MS && sustained >= rate * 0.97,
      notes: `${sustained} events/s were sustained for ${seconds} s; ${figures.runs} searches; resident ${collector.resident().own_mib} MiB`,
    });
  });
}

/** @param {Served} collector @param {import("node:http").Agent} agent @param {{ body: Buffer }} one @param {number} sent */
async function found(collector, agent, one, sent) {
  const text = /"text":"(id\S+)/.exec(one.body.toString("latin1"))?.[1] ?? "";
  const path = `/v1/events?q=${text}&limit=1&newest=true&coverage=false&format=json`;
  for (;;) {
    const { status, text: answer } = await collector.ask(agent, { path });
    if (status !== 200) throw new Error(answer);
    if (answer.includes(text)) return performance.now() - sent;
  }
}
