/** The relay's end of the private channel to the MAIN-world hook; see `../protocol.ts`. */
import { ASK, type HookConfig, type HookToRelay, LEAVING, OFFER, type RelayToHook } from "../protocol.ts";

export type HookHandlers = Record<HookToRelay, (detail: string) => void>;

export class HookChannel {
  #target: EventTarget | null = null;

  /**
   * `peer` finds the channel of another hook whose page shares objects with this one; `inherited` is that of the hook
   * which an orphaned relay had.
   */
  constructor(
    private config: HookConfig,
    private readonly handlers: HookHandlers,
    private readonly peer: () => EventTarget | null,
    inherited: EventTarget | null,
  ) {
    if (inherited !== null) this.#listenTo(inherited);
    window.addEventListener(OFFER, this.#onOffer, true);
    window.dispatchEvent(new Event(ASK));
  }

  /** For the hooks of other documents. */
  get target(): EventTarget | null {
    return this.#target;
  }

  configure(config: HookConfig): void {
    this.config = config;
    this.#tell("config", JSON.stringify(config));
  }

  /** Makes the hook post its buffered lines before this returns. If the document is left, later lines are posted at once. */
  drain(isLeaving = false): void {
    this.#tell("drain", isLeaving ? LEAVING : "");
  }

  /** Gives the hook the name of an interaction, whose dispatch has only begun. */
  interaction(id: string, ts: number, event: Event): void {
    this.#tell("interaction", JSON.stringify({ id, type: event.type, time: event.timeStamp, ts }));
  }

  rearm(): void {
    this.#tell("rearm", "");
  }

  retire(): void {
    window.removeEventListener(OFFER, this.#onOffer, true);
    this.#tell("retire", "");
    this.#target = null;
  }

  /** Leaves the hook, as it is, to another relay. */
  release(): EventTarget | null {
    window.removeEventListener(OFFER, this.#onOffer, true);
    const target = this.#target;
    for (const type of Object.keys(this.handlers)) target?.removeEventListener(type, this.#onMessage);
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
    this.#tell("retire", "");
    this.#listenTo(target);
    const peer = this.peer();
    const type: RelayToHook = "peer";
    if (peer !== null) target.dispatchEvent(new MouseEvent(type, { relatedTarget: peer }));
    this.#tell("config", JSON.stringify(this.config));
  };

  readonly #onMessage = (event: Event): void => {
    this.handlers[event.type as HookToRelay]((event as CustomEvent<string>).detail);
  };

  #listenTo(target: EventTarget): void {
    this.#target = target;
    for (const type of Object.keys(this.handlers)) target.addEventListener(type, this.#onMessage);
  }

  #tell(type: RelayToHook, detail: string): void {
    this.#target?.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
