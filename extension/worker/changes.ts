/** Lets an async function wait until something has changed, for a limited time. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const done of [...this.#waiting]) done();
  }

  /** Resolves at the next change, or after so many milliseconds. */
  next(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#waiting.add(done);
    });
  }

  /**
   * Calls `find` now and after each change, until it returns something or the deadline of `performance.now()` is over.
   * Resolves with its last result.
   */
  async until<T>(find: () => T, deadline: number): Promise<T> {
    for (;;) {
      const found = find();
      const left = deadline - performance.now();
      if (found || left <= 0) return found;
      await this.next(left);
    }
  }
}
