/** The relay's end of the private channel to the MAIN-world hook; see `../channel.ts`. */
import { ASK, CONFIG, DRAIN, type HookConfig, LINES, OFFER, REARM, RETIRE } from "../channel.ts";

export class HookChannel {
  #target: EventTarget | null = null;
  #config: HookConfig;
  readonly #onLines: (lines: string) => void;

  constructor(config: HookConfig, onLines: (lines: string) => void) {
    this.#config = config;
    this.#onLines = onLines;
    window.addEventListener(OFFER, this.#onOffer, true);
    window.dispatchEvent(new Event(ASK));
  }

  configure(config: HookConfig): void {
    this.#config = config;
    this.#tell(CONFIG, JSON.stringify(config));
  }

  /** What the hook still buffers arrives before this returns. */
  drain(): void {
    this.#tell(DRAIN, "");
  }

  rearm(): void {
    this.#tell(REARM, "");
  }

  retire(): void {
    window.removeEventListener(OFFER, this.#onOffer, true);
    this.#tell(RETIRE, "");
    this.#target = null;
  }

  readonly #onOffer = (event: Event): void => {
    const target = event instanceof MouseEvent ? event.relatedTarget : null;
    if (target === null || this.#target !== null) return;
    // The first offer is the hook's, made before any script of the page; no other is listened to.
    event.stopImmediatePropagation();
    event.preventDefault();
    window.removeEventListener(OFFER, this.#onOffer, true);
    this.#target = target;
    target.addEventListener(LINES, (lines) => this.#onLines((lines as CustomEvent<string>).detail));
    this.#tell(CONFIG, JSON.stringify(this.#config));
  };

  #tell(type: string, detail: string): void {
    this.#target?.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
