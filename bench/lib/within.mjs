/**
 * Waits for a promise, and throws an error with the text `late` after `ms` milliseconds.
 * @template T @param {Promise<T>} promise @param {number} ms @param {string} late @returns {Promise<T>}
 */
export async function within(promise, ms, late) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(late)), ms);
  });
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (timeout)]);
  } finally {
    clearTimeout(timer);
  }
}
