/** Why a row misses its goal, by the row's name: what profiles and trials showed. The report prints those that missed. */

/** @type {[RegExp, string][]} The first that matches counts. */
export const MISSED = [];
