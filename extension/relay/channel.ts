/** The relay's end of the private channel to the MAIN-world hook; see `../channel.ts`. */
import {
  ASK,
  CLOSING,
  CONFIG,
  COST,
  DETAIL,
  DRAIN,
  HAND_OVER,
  type HookConfig,
  INTERACTION,
  LEAVING,
  LIMITED,
  LINES,
  OFFER,
  PEER,
  REARM,
  RETIRE,
  REWRITTEN,
  URGENT_LINES,
} from "../channel.ts";

/** Time that a page has spent on recording so many events. */
export interface Cost {
  events: number;
  micros: number;
}

export interface FromHook {
  /** `isUrgent`: the page may not live to see another task. */
  lines(lines: string, isUrgent: boolean): void;
  /** The page's time for its lines, since the last drain. */
  cost(cost: Cost): void;
  /** A detail to keep: its number, a blank, and its line. */
  detail(detail: string): void;
  handOver(): void;
  closing(): void;
  rewritten(): void;
  limited(reason: string): void;
}

export class HookChannel {
  #target: EventTarget | null = null;
  #config: HookConfig;
  readonly #peer: () => EventTarget | null;
  readonly #onLines: (event: Event) => void;
  readonly #onUrgentLines: (event: Event) => void;
  readonly #onCost: (event: Event) => void;
  readonly #onDetail: (event: Event) => void;
  readonly #onHandOver: () => void;
  readonly #onClosing: () => void;
  readonly #onRewritten: () => void;
  readonly #onLimited: (event: Event) => void;

  /**
   * `peer` finds the channel of another hook whose page shares objects with this one; `inherited` is that of the hook
   * which an orphaned relay had.
   */
  constructor(
    config: HookConfig,
    from: FromHook,
    peer: () => EventTarget | null,
    inherited: EventTarget | null,
  ) {
    this.#config = config;
    this.#peer = peer;
    this.#onLines = (event) => from.lines((event as CustomEvent<string>).detail, false);
    this.#onUrgentLines = (event) => from.lines((event as CustomEvent<string>).detail, true);
    this.#onCost = (event) => {
      const [events = 0, micros = 0] = (event as CustomEvent<string>).detail.split(" ").map(Number);
      from.cost({ events, micros });
    };
    this.#onDetail = (event) => from.detail((event as CustomEvent<string>).detail);
    this.#onHandOver = () => from.handOver();
    this.#onClosing = () => from.closing();
    this.#onRewritten = () => from.rewritten();
    this.#onLimited = (event) => from.limited((event as CustomEvent<string>).detail);
    if (inherited !== null) this.#listenTo(inherited);
    window.addEventListener(OFFER, this.#onOffer, true);
    window.dispatchEvent(new Event(ASK));
  }

  /** For the hooks of other documents. */
  get target(): EventTarget | null {
    return this.#target;
  }

  configure(config: HookConfig): void {
    this.#config = config;
    this.#tell(CONFIG, JSON.stringify(config));
  }

  /** Makes the hook post its buffered lines before this returns. If the document is left, later lines are posted at once. */
  drain(isLeaving = false): void {
    this.#tell(DRAIN, isLeaving ? LEAVING : "");
  }

  /** Gives the hook the name of an interaction, whose dispatch has only begun. */
  interaction(id: string, ts: number, event: Event): void {
    this.#tell(INTERACTION, JSON.stringify({ id, type: event.type, time: event.timeStamp, ts }));
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
    target?.removeEventListener(URGENT_LINES, this.#onUrgentLines);
    target?.removeEventListener(COST, this.#onCost);
    target?.removeEventListener(DETAIL, this.#onDetail);
    target?.removeEventListener(HAND_OVER, this.#onHandOver);
    target?.removeEventListener(CLOSING, this.#onClosing);
    target?.removeEventListener(REWRITTEN, this.#onRewritten);
    target?.removeEventListener(LIMITED, this.#onLimited);
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
    this.#listenTo(target);
    const peer = this.#peer();
    if (peer !== null) target.dispatchEvent(new MouseEvent(PEER, { relatedTarget: peer }));
    this.#tell(CONFIG, JSON.stringify(this.#config));
  };

  #listenTo(target: EventTarget): void {
    this.#target = target;
    target.addEventListener(LINES, this.#onLines);
    target.addEventListener(URGENT_LINES, this.#onUrgentLines);
    target.addEventListener(COST, this.#onCost);
    target.addEventListener(DETAIL, this.#onDetail);
    target.addEventListener(HAND_OVER, this.#onHandOver);
    target.addEventListener(CLOSING, this.#onClosing);
    target.addEventListener(REWRITTEN, this.#onRewritten);
    target.addEventListener(LIMITED, this.#onLimited);
  }

  #tell(type: string, detail: string): void {
    this.#target?.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
