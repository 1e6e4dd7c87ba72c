/**
 * The ledger: what pages emitted against what the store holds.
 *
 * Pages number their lines, and the errors that they throw, document by document, so a loss, a repeat and a gap are all
 * countable:
 * emitted = stored + gaps + unacked, and duplicates = 0.
 */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {number} emitted
 * @property {number} stored
 * @property {number} gaps
 * @property {number} unacked Emitted by a page that was itself killed, and never acknowledged.
 * @property {number} duplicates
 * @property {Record<string, number>} reasons Of the gaps.
 * @property {string} note
 * @property {string} missing Numbers by document, to find out why it does not add up.
 */

/**
 * Returns the stored events of one name.
 * @param {import("../e2e/fixtures/collector.mjs").Collector} collector @param {string} name
 */
export async function storedOf(collector, name) {
  const events = await collector.events(`type:console.log,console.exception url:*name=${name}*`);
  /** @type {Map<string, Map<number, number>>} */
  const documents = new Map();
  let duplicates = 0;
  for (const { data } of events) {
    const [, of, id, number] = /^(?:Uncaught )?([\w-]+)\/(\w+):(\d+)/.exec(textOf(data)) ?? [];
    if (of !== name || id === undefined) continue;
    const numbers = documents.get(id) ?? new Map();
    documents.set(id, numbers);
    const times = (numbers.get(Number(number)) ?? 0) + 1;
    numbers.set(Number(number), times);
    if (times > 1) duplicates++;
  }
  const stored = [...documents.values()].reduce((sum, numbers) => sum + numbers.size, 0);
  return { documents, stored, duplicates };
}

/** @param {any} data */
const textOf = (data) => String(data?.text ?? data?.args?.[0]?.value ?? JSON.stringify(data));

/**
 * Seqs that gaps of the console cover, by reason.
 * @param {import("../e2e/fixtures/collector.mjs").Collector} collector
 */
export async function gapsIn(collector) {
  /** @type {Record<string, number>} */
  const reasons = {};
  // Gaps are shown to each reader of their category, and no event has this type.
  for (const record of await collector.records("category:console type:none.such")) {
    if (!("gap" in record)) continue;
    const { first_seq, last_seq, reason } = record.gap;
    reasons[reason] = (reasons[reason] ?? 0) + last_seq - first_seq + 1;
  }
  return reasons;
}

/** @param {Record<string, number>} after @param {Record<string, number>} before */
function since(after, before) {
  const entries = Object.entries(after).map(([reason, count]) => [reason, count - (before[reason] ?? 0)]);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

/**
 * Waits until the store accounts for everything that was emitted, and returns the counts.
 * @param {object} options
 * @param {string} options.name
 * @param {() => import("../e2e/fixtures/collector.mjs").Collector} options.collector
 * @param {Map<string, number>} options.emitted By document.
 * @param {Record<string, number>} options.gapsBefore
 * @param {boolean} options.emitterKilled What a killed page had in hand may be missing.
 * @param {number} options.limitMs Without any change.
 * @returns {Promise<Row>}
 */
export async function settle({ name, collector, emitted: told, gapsBefore, emitterKilled, limitMs }) {
  let deadline = Date.now() + limitMs;
  /** @type {Row} */
  let row;
  let unchanged = 0;
  let last = "";
  for (;;) {
    const { documents, stored, duplicates } = await storedOf(collector(), name);
    const reasons = since(await gapsIn(collector()), gapsBefore);
    const gaps = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    let emitted = 0;
    const missing = [];
    for (const id of new Set([...told.keys(), ...documents.keys()])) {
      // A page that is killed has reported less than it has emitted.
      let highest = -1;
      for (const number of documents.get(id)?.keys() ?? []) highest = Math.max(highest, number);
      const count = Math.max(told.get(id) ?? 0, highest + 1);
      emitted += count;
      missing.push(`${id} of ${count}: ${missingOf(documents.get(id) ?? new Map(), count) || "none"}`);
    }
    row = {
      name,
      emitted,
      stored,
      gaps,
      unacked: 0,
      duplicates,
      reasons,
      note: "",
      missing: missing.join("; "),
    };
    const state = JSON.stringify(row);
    unchanged = state === last ? unchanged + 1 : 0;
    if (unchanged === 0) deadline = Date.now() + limitMs;
    last = state;
    if (stored + gaps >= emitted && unchanged >= 1) break;
    if (Date.now() > deadline || (emitterKilled && unchanged >= 8)) break;
    await sleep(400);
  }
  if (emitterKilled) row.unacked = Math.max(0, row.emitted - row.stored - row.gaps);
  return row;
}

/** @param {Map<number, number>} numbers @param {number} count */
function missingOf(numbers, count) {
  /** @type {[number, number][]} */
  const ranges = [];
  for (let number = 0; number < count; number++) {
    if (numbers.has(number)) continue;
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => `${first}-${last}`).join(", ");
}

/** Returns the fault of a row's numbers, or null. @param {Row} row @param {number} mostUnacked */
export function verdict(row, mostUnacked) {
  if (row.emitted === 0) return "nothing was emitted";
  if (row.duplicates > 0) return `${row.duplicates} were stored twice`;
  const sum = row.stored + row.gaps + row.unacked;
  if (sum !== row.emitted) return `${row.emitted - sum} of ${row.emitted} are unaccounted for`;
  if (row.unacked > mostUnacked)
    return `${row.unacked} are lost with their page; at most ${mostUnacked} may be`;
  return null;
}

/**
 * Every seq of every session in the store is covered once, from 1 on.
 * @param {import("../e2e/fixtures/collector.mjs").Collector} collector
 * @returns {Promise<Map<string, number>>} The last seq by session.
 */
export async function checkSeqs(collector) {
  /** @type {Map<string, [number, number][]>} */
  const sessions = new Map();
  for (const record of await collector.records()) {
    const ranges = sessions.get(record.capture_session_id) ?? [];
    sessions.set(record.capture_session_id, ranges);
    ranges.push("gap" in record ? [record.gap.first_seq, record.gap.last_seq] : [record.seq, record.seq]);
  }
  const latest = new Map();
  for (const [id, ranges] of sessions) {
    let next = 1;
    for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
      if (first !== next) throw new Error(`session ${id}: seq ${next} is followed by ${first}`);
      next = last + 1;
    }
    latest.set(id, next - 1);
  }
  return latest;
}
