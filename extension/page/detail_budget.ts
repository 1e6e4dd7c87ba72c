/** Bounds the time that a page spends on details, most of which are never handed over. */
import { nowMicros } from "./natives.ts";

const SECOND_MICROS = 1_000_000;
/** The time for details in each second. The detail that exceeds it is made to its end. */
const MAX_MICROS = 20_000;

export class DetailBudget {
  #since = 0;
  #spent = 0;

  isSpent(nowTs: number): boolean {
    if (nowTs - this.#since > SECOND_MICROS || nowTs < this.#since) {
      this.#since = nowTs;
      this.#spent = 0;
    }
    return this.#spent > MAX_MICROS;
  }

  /** Returns what `make` makes, whatever is left. */
  measure<T>(make: () => T): T {
    const begun = nowMicros();
    try {
      return make();
    } finally {
      this.#spent += nowMicros() - begun;
    }
  }

  /** Returns what `make` makes, or null if this second's time is spent. */
  run<T>(nowTs: number, make: () => T): T | null {
    return this.isSpent(nowTs) ? null : this.measure(make);
  }
}
