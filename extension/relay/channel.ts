/** The relay's end of the private channel to the MAIN-world hook; see `../channel.ts`. */
import { ASK, CONFIG, DRAIN, type HookConfig, LINES, OFFER, REARM, RETIRE } from "../channel.ts";

export class HookChannel {
  #target: EventTarget | null;
  #config: HookConfig;
  readonly #onLines: (event: Event) => void;

  /** `inherited` is the channel of the hook that an orphaned relay had. */
  constructor(config: HookConfig, onLines: (lines: string) => void, inherited: EventTarget | null) {
    this.#config = config;
    this.#onLines = (event) => onLines((event as CustomEvent<string>).detail);
    this.#target = inherited;
    inherited?.addEventListener(LINES, this.#onLines);
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

  /** Leaves the hook, as it is, to another relay. */
  release(): EventTarget | null {
    window.removeEventListener(OFFER, this.#onOffer, true);
    const target = this.#target;
    target?.removeEventListener(LINES, this.#onLines);
    this.#target = null;
    return target;
  }

  readonly #onOffer = (event: Event): void => {
    const target = event instanceof MouseEvent ? event.relatedTarget : null;
    if (target === null) return;
    // The first offer is the hook's, made before any script of the page; no other is listened to.
    event.stopImmediatePropagation();
    event.preventDefault();
    window.removeEventListener(OFFER, this.#onOffer, true);
    // An older build's hook goes and this one comes in one task: the page says nothing in between.
    this.drain();
    this.#tell(RETIRE, "");
    this.#target = target;
    target.addEventListener(LINES, this.#onLines);
    this.#tell(CONFIG, JSON.stringify(this.#config));
  };

  #tell(type: string, detail: string): void {
    this.#target?.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
