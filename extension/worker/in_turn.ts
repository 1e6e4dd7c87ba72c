/** Runs async work one after the other: each begins when the one before has ended, also if that failed. */
export class InTurn {
  #last: Promise<void> = Promise.resolve();

  run(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
