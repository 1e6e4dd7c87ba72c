/** Short messages at the bottom of the page, and the clipboard, which reports through them. */
import { type Signal, signal } from "@preact/signals";

const SHOWN_MS = 3_000;

export class Notices {
  /** The message on screen, or null. */
  readonly text: Signal<string | null> = signal(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    this.text.value = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.text.value = null), SHOWN_MS);
  }

  sayError(error: unknown): void {
    this.say(error instanceof Error ? error.message : String(error));
  }

  /** Copies a text, and shows `done` or the reason why it was not copied. */
  async copy(text: string, done: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.say(done);
    } catch {
      this.say("The browser does not allow copying here.");
    }
  }
}
