/**
 * Merges the two records of a request in a tab that the debugger is attached to: webRequest's and the protocol's.
 *
 * The protocol's record has more in it and goes first. It is not complete: it lacks what a worker fetches in its first
 * statements, beacons and keepalive requests of a document that is left, and the end of requests whose document is
 * left. So each event of webRequest is held. It is dropped when the protocol reports the same step of the same request,
 * and published when the protocol has not done so within `GRACE_MS`, or when the tab is detached. What is held when the
 * worker dies, the next one holds and publishes (see `held_steps.ts`).
 *
 * The two have no id in common. They are paired one to one by tab, address, method and the nearest start.
 *
 * ```
 *                the protocol reports its start
 *   undecided ────────────────────────────────────▶ protocol ──┐ its end is known to webRequest only
 *       │ GRACE_MS, or the tab is detached                     │ for GRACE_MS, or the tab is detached
 *       └──────────────────▶ webRequest ◀──────────────────────┘
 * ```
 *
 * The protocol's report of a request that webRequest records is not published, however late it comes.
 */
import type { EventInput } from "../../../src/web/types.ts";
import { beginning, MAX_URL_BYTES } from "../budget.ts";
import type { HeldSteps } from "./held_steps.ts";
import type { Answer, Step, WebRequestId, WebRequestStep } from "./web_request_step.ts";

/** An event of webRequest that was held. */
export interface HeldEvent {
  input: EventInput;
  webRequestId: string | null;
  /** The protocol's, if the protocol has reported some of the request. */
  requestId: string | null;
  /** Whether the worker before held it, and may have published it. */
  isRestored: boolean;
}

/** Publishes an event, and then calls `onCommitted`. */
export type Publish = (event: HeldEvent, onCommitted: () => void) => void;

/** Called once it is known under which id a request of webRequest is recorded. */
export type OnDecided = (webRequestId: string, recordedId: string) => void;

export interface ProtocolRequest {
  id: string;
  tabId: number;
  url: string;
  /** Null if its start was not reported. */
  method: string | null;
  startedMs: number | null;
}

export interface Outcome {
  outcome: "response" | "failed" | null;
  answer: Answer | null;
}

interface Held {
  step: Step;
  index: number;
  input: EventInput;
  /** Its name among `HeldSteps`. */
  key: string | null;
  isRestored: boolean;
}

class Exchange {
  owner: "undecided" | "protocol" | "webRequest" = "undecided";
  web: WebRequestId | null = null;
  metadata: Record<string, string> | null = null;
  protocolId: string | null = null;
  protocolStartedMs: number | null = null;
  /** How many of each step the protocol has reported. */
  readonly reported: Record<Step, number> = { request: 0, redirect: 0, response: 0, end: 0 };
  hasProtocolEnded = false;
  /** How many of each step webRequest has observed. */
  readonly observed: Record<Step, number> = { request: 0, redirect: 0, response: 0, end: 0 };
  held: Held[] = [];
  result: Outcome = { outcome: null, answer: null };
  /** Called when webRequest's end is known. */
  readonly waiting: (() => void)[] = [];
  /** The tab is detached: webRequest alone continues. */
  isReleased = false;
  /** The protocol's id, once webRequest continues what the protocol has begun. */
  requestId: string | null = null;

  constructor(
    readonly tabId: number,
    readonly key: string,
    readonly method: string | null,
  ) {}
}

/** Longer than a busy page takes to report what its browser has reported already. */
const GRACE_MS = 3_000;
/** Clocks of two processes, and the browser's own requests, whose order is not sure. */
const MAX_EARLIER_MS = 1_000;
/** How long a request that has ended can still be paired. */
const LINGER_MS = 5_000;
/** The same for a request of which webRequest sees nothing, as a service worker answered it. */
const PROTOCOL_LINGER_MS = 1_000;
const MAX_EXCHANGES = 20_000;

export class Exchanges {
  readonly #byWebRequest = new Map<string, Exchange>();
  readonly #byProtocol = new Map<string, Exchange>();
  /** Those that only one of the two has reported, by tab and address. */
  readonly #unpaired = new Map<string, Exchange[]>();

  constructor(
    private readonly publish: Publish,
    private readonly heldSteps: HeldSteps,
    private readonly onDecided: OnDecided,
  ) {}

  /** Takes over what the worker before held. It is published at once if the tab is not attached to any more. */
  async restore(isDebugged: (tabId: number) => boolean): Promise<void> {
    for (const [key, { web, place, protocolId, taken }] of await this.heldSteps.restore()) {
      // Its beginning is not known to this worker, so that the protocol's end of it can be paired.
      const exchange = this.#byWebRequest.get(web.id) ?? this.#ofWebRequest({ ...web, startedMs: null });
      if (protocolId !== null && exchange.protocolId === null) {
        this.#removeUnpaired(exchange);
        exchange.protocolId = protocolId;
        exchange.owner = "protocol";
        this.#remember(this.#byProtocol, protocolId, exchange);
      }
      this.#observe(exchange, place, taken, key);
      if (!isDebugged(web.tabId)) this.#publishHeld(exchange);
    }
  }

  /** Whether the protocol has reported a request to the worker before, and webRequest's steps of it are held. */
  isRestored(protocolId: string): boolean {
    return this.#byProtocol.get(protocolId)?.web?.startedMs === null;
  }

  /** Registers a request that began before its tab was attached to. It is webRequest's to its end. */
  keep(web: WebRequestId): void {
    if (this.#byWebRequest.has(web.id)) return;
    this.#ofWebRequest(web).owner = "webRequest";
  }

  has(webRequestId: string): boolean {
    return this.#byWebRequest.has(webRequestId);
  }

  /** Takes a step that webRequest has observed. */
  observe(web: WebRequestId, metadata: Record<string, string>, taken: WebRequestStep): void {
    const exchange = this.#byWebRequest.get(web.id) ?? this.#ofWebRequest(web);
    this.#observe(exchange, metadata, taken, null);
  }

  #observe(
    exchange: Exchange,
    metadata: Record<string, string>,
    taken: WebRequestStep,
    key: string | null,
  ): void {
    exchange.metadata ??= metadata;
    const { step, outcome, answer, input } = taken;
    exchange.observed[step]++;
    exchange.result = { outcome, answer: answer ?? exchange.result.answer };
    const held: Held = { step, index: exchange.observed[step], input, key, isRestored: key !== null };
    exchange.held.push(held);
    this.#dropReported(exchange);
    if (exchange.owner === "webRequest" || exchange.isReleased) this.#publishHeld(exchange);
    if (held.key === null && exchange.held.includes(held) && exchange.web !== null) {
      const { web, protocolId } = exchange;
      held.key = this.heldSteps.put({ web, place: metadata, protocolId, taken }, () =>
        this.#publishHeld(exchange),
      );
    }
    if (outcome === null) return;
    for (const wake of exchange.waiting.splice(0)) wake();
    this.#deleteEnded(exchange);
    if (exchange.held.length > 0) after(GRACE_MS, () => this.#publishHeld(exchange));
    if (exchange.protocolId === null) after(LINGER_MS, () => this.#removeUnpaired(exchange));
  }

  /** Takes a request that the protocol reports, or its next hop. Returns whether the protocol's record is published. */
  began(request: ProtocolRequest): boolean {
    const known = this.#byProtocol.get(request.id);
    if (known !== undefined) {
      this.#report(known, "request");
      return known.owner !== "webRequest";
    }
    const key = keyOf(request.tabId, request.url);
    const isPair = (one: Exchange) =>
      one.protocolId === null && isSame(one.method, request.method) && isOrdered(one.web, request.startedMs);
    const exchange = this.#takeNearest(key, isPair, (one) => distance(one.web, request.startedMs));
    const paired = exchange ?? new Exchange(request.tabId, key, request.method);
    paired.protocolId = request.id;
    paired.protocolStartedMs = request.startedMs;
    for (const { key: held } of paired.held) if (held !== null) this.heldSteps.pair(held, request.id);
    this.#remember(this.#byProtocol, request.id, paired);
    if (exchange === undefined) this.#addUnpaired(paired);
    if (request.method === null) {
      // Its start is webRequest's to publish.
      if (exchange !== undefined) this.#publishHeld(exchange);
      return exchange === undefined;
    }
    if (paired.owner === "undecided") paired.owner = "protocol";
    if (paired.web !== null && paired.owner === "protocol") this.onDecided(paired.web.id, request.id);
    this.#report(paired, "request");
    return paired.owner !== "webRequest";
  }

  /** Takes a step that the protocol reports. Returns whether it is published. */
  report(protocolId: string, step: Step): boolean {
    const exchange = this.#byProtocol.get(protocolId);
    if (exchange === undefined) return true;
    this.#report(exchange, step);
    return exchange.owner !== "webRequest";
  }

  /** Takes the end of a request that the protocol reports. Returns whether it is published. */
  ended(protocolId: string): boolean {
    const exchange = this.#byProtocol.get(protocolId);
    if (exchange === undefined) return true;
    exchange.hasProtocolEnded = true;
    this.#dropReported(exchange);
    this.#byProtocol.delete(protocolId);
    if (exchange.web === null) after(PROTOCOL_LINGER_MS, () => this.#removeUnpaired(exchange));
    return exchange.owner !== "webRequest";
  }

  /** Publishes webRequest's end of a request, as the protocol has reported less of it. */
  leaveEnd(protocolId: string): void {
    const exchange = this.#byProtocol.get(protocolId);
    if (exchange === undefined) return;
    this.#byProtocol.delete(protocolId);
    this.#publishHeld(exchange);
  }

  /** webRequest's fields for the place of a request. */
  metadata(protocolId: string): Record<string, string> | undefined {
    return this.#byProtocol.get(protocolId)?.metadata ?? undefined;
  }

  /** Returns how the request has ended for webRequest, waiting for it for `GRACE_MS` at most. */
  async outcome(protocolId: string): Promise<Outcome> {
    const exchange = this.#byProtocol.get(protocolId);
    if (exchange === undefined) return { outcome: null, answer: null };
    // Held steps wait no longer than this, and the protocol is about to report the end.
    if (exchange.web !== null && exchange.result.outcome === null) {
      await new Promise<void>((resolve) => {
        exchange.waiting.push(resolve);
        after(GRACE_MS, resolve);
      });
    }
    return exchange.result;
  }

  /**
   * Returns whether webRequest has the end of a request that began before this worker, which the protocol has reported
   * without an address.
   */
  async hasOrphan(tabId: number): Promise<boolean> {
    await new Promise<void>((resolve) => after(GRACE_MS, resolve));
    for (const list of this.#unpaired.values()) {
      const orphan = list.find((one) => one.tabId === tabId && one.web?.startedMs === null);
      if (orphan === undefined) continue;
      this.#removeUnpaired(orphan);
      return true;
    }
    return false;
  }

  /** Publishes what is held of a tab. The protocol reports no more of it. */
  release(tabId: number): void {
    for (const [id, exchange] of this.#byProtocol) if (exchange.tabId === tabId) this.#byProtocol.delete(id);
    const ofTab = (exchange: Exchange) => exchange.tabId === tabId;
    const unpaired = [...this.#unpaired.values()].flat();
    for (const exchange of [...this.#byWebRequest.values(), ...unpaired].filter(ofTab)) {
      exchange.isReleased = true;
      this.#publishHeld(exchange);
      this.#removeUnpaired(exchange);
    }
  }

  #ofWebRequest(web: WebRequestId): Exchange {
    const key = keyOf(web.tabId, web.url);
    const isPair = (one: Exchange) =>
      one.web === null && isSame(one.method, web.method) && isOrdered(web, one.protocolStartedMs);
    const found = this.#takeNearest(key, isPair, (one) => distance(web, one.protocolStartedMs));
    const exchange = found ?? new Exchange(web.tabId, key, web.method);
    exchange.web = web;
    if (exchange.owner === "protocol") this.onDecided(web.id, exchange.protocolId as string);
    this.#remember(this.#byWebRequest, web.id, exchange);
    if (found === undefined) {
      this.#addUnpaired(exchange);
      after(GRACE_MS, () => {
        if (exchange.owner === "undecided") this.#publishHeld(exchange);
      });
    }
    return exchange;
  }

  #report(exchange: Exchange, step: Step): void {
    exchange.reported[step]++;
    this.#dropReported(exchange);
  }

  #dropReported(exchange: Exchange): void {
    if (exchange.owner === "webRequest") return;
    exchange.held = exchange.held.filter(({ step, index, key }) => {
      const isReported = exchange.hasProtocolEnded || exchange.reported[step] >= index;
      if (isReported && key !== null) this.heldSteps.delete(key);
      return !isReported;
    });
    this.#deleteEnded(exchange);
  }

  #deleteEnded({ web, result, held }: Exchange): void {
    if (web !== null && result.outcome !== null && held.length === 0) this.#byWebRequest.delete(web.id);
  }

  /** From here on the request is webRequest's. */
  #publishHeld(exchange: Exchange): void {
    if (exchange.hasProtocolEnded) return;
    if (exchange.owner === "protocol") exchange.requestId = exchange.protocolId;
    exchange.owner = "webRequest";
    if (exchange.web !== null) this.onDecided(exchange.web.id, exchange.requestId ?? exchange.web.id);
    for (const { input, key, isRestored } of exchange.held.splice(0)) {
      const { web, requestId } = exchange;
      this.publish({ input, webRequestId: web?.id ?? null, requestId, isRestored }, () => {
        if (key !== null) this.heldSteps.delete(key);
      });
    }
    this.#deleteEnded(exchange);
  }

  #takeNearest(
    key: string,
    isPair: (one: Exchange) => boolean,
    distanceOf: (one: Exchange) => number,
  ): Exchange | undefined {
    const [nearest] = (this.#unpaired.get(key) ?? [])
      .filter(isPair)
      .sort((one, other) => distanceOf(one) - distanceOf(other));
    if (nearest !== undefined) this.#removeUnpaired(nearest);
    return nearest;
  }

  #addUnpaired(exchange: Exchange): void {
    const list = this.#unpaired.get(exchange.key);
    if (list === undefined) this.#unpaired.set(exchange.key, [exchange]);
    else list.push(exchange);
  }

  #removeUnpaired(exchange: Exchange): void {
    const rest = (this.#unpaired.get(exchange.key) ?? []).filter((one) => one !== exchange);
    if (rest.length > 0) this.#unpaired.set(exchange.key, rest);
    else this.#unpaired.delete(exchange.key);
  }

  #remember(map: Map<string, Exchange>, id: string, exchange: Exchange): void {
    map.set(id, exchange);
    if (map.size <= MAX_EXCHANGES) return;
    const [oldestId, oldest] = map.entries().next().value as [string, Exchange];
    this.#publishHeld(oldest);
    this.#removeUnpaired(oldest);
    map.delete(oldestId);
  }
}

/** The protocol gives addresses without their fragment. */
function keyOf(tabId: number, url: string): string {
  return `${tabId} ${beginning(url.split("#", 1)[0] ?? "", MAX_URL_BYTES)}`;
}

function isSame(one: string | null, other: string | null): boolean {
  return one === null || other === null || one === other;
}

/** A request reaches webRequest after the page has made it. */
function isOrdered(web: WebRequestId | null, protocolStartedMs: number | null): boolean {
  if (web === null || web.startedMs === null || protocolStartedMs === null) return true;
  return web.startedMs >= protocolStartedMs - MAX_EARLIER_MS;
}

function distance(web: WebRequestId | null, protocolStartedMs: number | null): number {
  return Math.abs((web?.startedMs ?? 0) - (protocolStartedMs ?? 0));
}

function after(ms: number, work: () => void): void {
  setTimeout(work, ms);
}
