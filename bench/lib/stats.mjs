/** Medians and spreads. A shared machine makes single figures worthless. */

/** @param {number[]} samples */
export function summary(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { median: round(at(0.5)), low: round(at(0)), high: round(at(1)), runs: sorted.length };
}

/** Three significant digits. @param {number} number */
export const round = (number) => (Number.isFinite(number) ? Number(number.toPrecision(3)) : null);
