/** A real collector with a throwaway store for each test file, and a recorder's way to deliver to it. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { collectorFile } from "../../scripts/lib/collector.mjs";
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

  /** @param {string} [search] */
  link(search) {
    return this.collector.link(search);
  }

  /** @param {string} path @param {RequestInit} [init] */
  fetch(path, init) {
    return this.collector.fetch(path, init);
  }

  /** Returns what the command line exports of the store. @param {string[]} options */
  async export(...options) {
    const args = ["export", "--data-dir", this.folder, ...options];
    return (await promisify(execFile)(collectorFile, args, { maxBuffer: 1 << 28 })).stdout;
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
    const lines = batch.map(({ line }) => line);
    await this.collector.deliver(session, lines, first.seq, last.lastSeq);
  }
}
