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
}
