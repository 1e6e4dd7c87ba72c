/** Work that runs at the same time. */

/**
 * Waits until all have ended, so that nothing still runs when the first failure is reported.
 * @template T @param {Promise<T>[]} work
 */
export async function together(work) {
  await Promise.allSettled(work);
  return Promise.all(work);
}
