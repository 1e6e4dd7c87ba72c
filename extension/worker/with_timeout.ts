/**
 * Waiting for a page: one that runs on and on, or shows an `alert()`, answers nothing until that is over. A caller
 * that waits for several of them waits so long and no longer.
 */

const ANSWER_MS = 2_000;

export class TimeoutError extends Error {}

/** The answer, or `TimeoutError` when none has come in time; what was asked for may still happen. */
export async function withTimeout<T>(answer: Promise<T>, what: string, ms = ANSWER_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, refuse) => {
    timer = setTimeout(() => refuse(new TimeoutError(`${what}: no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
