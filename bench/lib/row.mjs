/** Rows of the report. */
import { round, summary } from "./stats.mjs";

/** Returns a row with these fields, and without the others. @param {Record<string, any>} fields */
export const row = (fields) => ({
  floor: null,
  /** @type {Record<string, number>} */
  peers: {},
  ratio_to_floor: null,
  ratio_to_best_peer: null,
  goal: null,
  met: null,
  ...fields,
});

/** @typedef {ReturnType<typeof summary>} Summary */

/** The fields of a row that say what was measured. @param {Summary} ours */
export const measured = ({ median, low, high }) => ({ ours: median, spread: [low, high] });

/** The same, next to a floor. @param {Summary} ours @param {Summary} floor */
export const overFloor = (ours, floor) => ({
  ...measured(ours),
  floor: floor.median,
  ratio_to_floor: round(ours.median / floor.median),
});

/**
 * Compares a figure of ours with that of a page without a recorder and with those of peers. Less is better.
 * @param {Record<string, any[]>} samples Figures by recorder. @param {string} figure @param {string[]} peerNames
 */
export function compared(samples, figure, peerNames) {
  const of = (/** @type {string} */ who) => summary(samples[who].map((figures) => figures[figure]));
  const [ours, bare] = [of("ours"), of("bare")];
  const peers = Object.fromEntries(peerNames.map((peer) => [peer, of(peer).median]));
  const best = Math.min(...Object.values(peers));
  const fields = {
    ...overFloor(ours, bare),
    peers,
    ratio_to_best_peer: round(ours.median / best),
  };
  return { ours, bare, best, fields };
}
