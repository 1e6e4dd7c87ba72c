/**
 * A map that outlives this worker, in `chrome.storage.session`: for what is reported only once and is still true when
 * the next worker runs. Written in batches; the oldest entries are removed.
 */
import { newest } from "../budget.ts";

const MIRROR_AFTER_MS = 10;
/** `chrome.storage.session` has 10 MB in all, and the record that resumes a session needs room there too. */
const MAX_MIRRORED_CHARS = 1_000_000;

export class SessionStorageMap<T> {
  #entries = new Map<string, T>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isMirrorEmpty = false;

  constructor(
    private readonly key: string,
    private readonly maxEntries: number,
  ) {}

  /** Takes over what the worker before knew. What is there already is newer. */
  async restore(): Promise<void> {
    const stored = (await chrome.storage.session.get(this.key))[this.key] as [string, T][] | undefined;
    this.#entries = new Map([...(stored ?? []), ...this.#entries]);
  }

  get(name: string): T | undefined {
    return this.#entries.get(name);
  }

  /** The entries there are now. */
  all(): [string, T][] {
    return [...this.#entries];
  }

  set(name: string, value: T): void {
    this.#entries.set(name, value);
    if (this.#entries.size > this.maxEntries)
      this.#entries.delete(this.#entries.keys().next().value as string);
    this.#mirrorSoon();
  }

  delete(name: string): void {
    if (this.#entries.delete(name)) this.#mirrorSoon();
  }

  deleteWhere(isGone: (value: T) => boolean): void {
    for (const [name, value] of this.#entries) if (isGone(value)) this.delete(name);
  }

  #mirrorSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      // Entries that come and go between two writes cost none.
      if (this.#isMirrorEmpty && this.#entries.size === 0) return;
      this.#isMirrorEmpty = this.#entries.size === 0;
      void chrome.storage.session
        .set({ [this.key]: newest([...this.#entries], MAX_MIRRORED_CHARS) })
        .catch(() => {
          // Full: the next worker has less state.
        });
    }, MIRROR_AFTER_MS);
  }
}
