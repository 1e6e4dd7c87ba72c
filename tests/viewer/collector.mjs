/** A real collector with a throwaway store for each test file, and a recorder's way to deliver to it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { startCollector } from "../e2e/fixtures/collector.mjs";

const BATCH_RECORDS = 2_000;
/** Well below what the collector takes. */
const BATCH_BYTES = 900_000;

/** @typedef {import("./tape.mjs").TapeRecord} TapeRecord */

export class Store {
  /** @param {string} folder @param {import("../e2e/fixtures/collector.mjs").Collector} collector @param {string[]} options */
  constructor(folder, collector, options) {
    this.folder = folder;
    this.collector = collector;
    this.options = options;
  }

  /** On an empty folder, unless one is given. @param {string} [folder] @param {string[]} [options] */
  static async start(folder = mkdtempSync(join(tmpdir(), "tabtape-viewer-")), options = []) {
    return new Store(folder, await startCollector(folder, undefined, options), options);
  }

  get url() {
    return this.collector.url;
  }

  /** Ends the collector and starts it again on the same port and store. */
  async restart() {
    const { host } = new URL(this.url);
    await this.collector.stop("SIGKILL");
    this.collector = await startCollector(this.folder, host, this.options);
  }

  async stop() {
    await this.collector.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A link to the viewer that works once. @param {string} [search] `?…` */
  async link(search = "") {
    const reply = await this.fetch("/v1/viewer/codes", { method: "POST" });
    const link = new URL((await reply.json()).url);
    link.search = search;
    return link.href;
  }

  /** With the owner's token. @param {string} path @param {RequestInit} [init] */
  async fetch(path, init) {
    const headers = { authorization: `Bearer ${this.collector.token}`, ...init?.headers };
    const reply = await fetch(new URL(path, this.url), { ...init, headers });
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}: ${await reply.text()}`);
    return reply;
  }

  /** Delivers records of one session, in batches. @param {string} session @param {Iterable<TapeRecord>} records */
  async deliver(session, records) {
    /** @type {TapeRecord[]} */
    let batch = [];
    let bytes = 0;
    for (const record of records) {
      batch.push(record);
      bytes += record.line.length;
      if (batch.length < BATCH_RECORDS && bytes < BATCH_BYTES) continue;
      await this.#send(session, batch);
      batch = [];
      bytes = 0;
    }
    await this.#send(session, batch);
  }

  /** @param {string} session @param {TapeRecord[]} batch */
  async #send(session, batch) {
    const [first, last] = [batch[0], batch.at(-1)];
    if (first === undefined || last === undefined) return;
    const query = new URLSearchParams({ session, first_seq: `${first.seq}`, last_seq: `${last.lastSeq}` });
    await this.fetch(`/v1/batches?${query}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.collector.pairing.token}`,
        "content-type": "application/x-ndjson",
        "content-encoding": "gzip",
      },
      body: gzipSync(batch.map(({ line }) => `${line}\n`).join(""), { level: 1 }),
    });
  }
}
