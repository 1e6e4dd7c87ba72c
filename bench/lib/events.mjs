/** Made-up events that look like a browser's, the same each time: lines as a recorder delivers them. */
import { createHash } from "node:crypto";

const WORDS = (
  "cart checkout order user loading render failed timeout product price total session token fetch cache hydrate " +
  "mount effect route query mutation image banner search filter page state update diff socket retry chunk"
).split(" ");
const TYPES = ["console.log", "console.info", "console.warn", "console.error", "console.debug"];
const FIRST_TS = 1_764_000_000_000_000;

/** A session id of its own for each number. @param {number} n */
export function sessionId(n) {
  const digits = createHash("sha256").update(String(n)).digest("hex");
  return `0193b3a0-7c1e-7${digits.slice(0, 3)}-8${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
}

/** Text that only this event has: what a search for one event looks for. @param {string} session @param {number} seq */
export const idOf = (session, seq) => `id${session.slice(-6)}x${seq.toString(36).padStart(6, "0")}`;

/**
 * A console event of exactly `bytes` bytes, with words that recur, a number of its own and its id. The first one of a
 * session is its start.
 * @param {string} session @param {number} seq @param {number} bytes
 */
export function line(session, seq, bytes) {
  // A cheap, fixed scramble of the number.
  let random = Math.imul(seq, 2654435761) >>> 0;
  const pick = (/** @type {string[]} */ of) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return of[(random >>> 8) % of.length];
  };
  const printed = `"type":"${pick(TYPES)}","category":"console"`;
  const kind = seq === 1 ? '"type":"system.session_started","category":"system"' : printed;
  const head =
    `{"capture_session_id":"${session}","seq":${seq},"event":{"ts":${FIRST_TS + seq * 1250},${kind},` +
    `"source":{"kind":"extension","metadata":{"tab_id":"${1 + (random % 7)}"}},` +
    `"data":{"text":"${idOf(session, seq)}`;
  const tail = '"}}}';
  let text = "";
  while (head.length + text.length + tail.length < bytes) text += ` ${pick(WORDS)}`;
  return head + text.slice(0, bytes - head.length - tail.length) + tail;
}

/**
 * A batch ready to be sent.
 * @param {string} session @param {number} first @param {number} count @param {number} bytes
 */
export function batch(session, first, count, bytes) {
  const last = first + count - 1;
  let body = "";
  for (let seq = first; seq <= last; seq++) body += `${line(session, seq, bytes)}\n`;
  return {
    path: `/v1/batches?session=${session}&first_seq=${first}&last_seq=${last}`,
    body: Buffer.from(body),
  };
}
