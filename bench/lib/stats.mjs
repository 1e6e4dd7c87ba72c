/** Medians and spreads. A shared machine makes single figures worthless. */

/** @param {number[]} samples */
export function summary(samples) {
  const at = (/** @type {number} */ share) => percentile(samples, share);
  return { median: at(0.5), low: at(0), high: at(1), runs: samples.length };
}

/** Returns the sample below which this share of them lies; null without samples. @param {number[]} samples @param {number} share */
export function percentile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
}

/** Three significant digits. @param {number} number */
export const round = (number) => (Number.isFinite(number) ? Number(number.toPrecision(3)) : null);
