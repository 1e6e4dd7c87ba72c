/** Work that runs at the same time. */

/**
 * Waits until all have ended, so that nothing still runs when the first failure is reported.
 * @param {Promise<unknown>[]} work
 */
export async function together(work) {
  const ended = await Promise.allSettled(work);
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}
