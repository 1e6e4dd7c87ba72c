/**
 * A relay's port to the worker: batched posts, acks, and every way a port can die.
 *
 * A message leaves the queue only on ack. The port is opened when there is something to send and opened again
 * after the worker was killed (`onDisconnect`), after the back/forward cache (where a port takes messages and
 * delivers none), and when an ack is overdue. After an extension reload no port opens here any more: then
 * `onOrphaned` is called, once.
 */
import { RELAY_PORT, type RelayToWorker, type WorkerToRelay } from "../protocol.ts";
import type { PendingMessages } from "./pending_messages.ts";
import type { Queue } from "./queue.ts";

/** Messages that follow a post this closely wait for each other. */
const POST_AFTER_MS = 10;
/** Records of requests wait so long for others: a post costs the page more than the record, and webRequest has the request. */
const POST_REQUESTS_AFTER_MS = 50;
const POST_AT_MESSAGES = 100;
const ACK_TIMEOUT_MS = 10_000;
/** From so many unacknowledged messages on, a post says how many there are. */
const LONG_QUEUE = 1_000;
/** A worker that dies at every message must not be started in a loop. */
const RECONNECT_DELAYS_MS = [0, 0, 100, 500, 2_000, 10_000];

export class Connection {
  #port: chrome.runtime.Port | null = null;
  #postTimer: ReturnType<typeof setTimeout> | null = null;
  /** The timer waits for other records of requests. */
  #isPatient = false;
  #ackTimer: ReturnType<typeof setTimeout> | null = null;
  #reconnectTimer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  /** The document is going away: no timer will fire any more. */
  #leaving = false;
  /** Whether nothing follows what is being sent, as far as the relay can see. */
  #isLast = true;
  /** A script closes the window: then a last message would not be the last. */
  #closing = false;
  /** When something was posted last, by `performance.now()`. */
  #postedAt = Number.NEGATIVE_INFINITY;
  #over = false;
  /** The page's cost of its events since the last report. */
  #costEvents = 0;
  #costMicros = 0;

  constructor(
    private readonly relayId: string,
    private readonly queue: Queue,
    private readonly onMessage: (message: WorkerToRelay) => void,
    private readonly onOrphaned: () => void,
  ) {}

  /**
   * Posts what was queued, now or soon: in this task, which is the page's and may be its last one, if it is urgent,
   * if nothing was posted just before, or if there is much of it. Else it waits some milliseconds for more. Hidden
   * pages have their timers throttled to a second and more, so there nothing waits. In other pages
   * records of requests, which are `patient`, always do.
   */
  wake(urgency: "urgent" | "soon" | "patient" = "soon"): void {
    if (this.#over || (this.#reconnectTimer !== null && !this.#leaving)) return;
    const isPatient = urgency === "patient";
    const isDue =
      urgency === "urgent" ||
      this.#leaving ||
      document.hidden ||
      this.queue.waiting >= POST_AT_MESSAGES ||
      (!isPatient && performance.now() - this.#postedAt >= POST_AFTER_MS);
    if (isDue) {
      this.post(this.#leaving);
      return;
    }
    if (this.#isPatient && !isPatient) this.#clearPostTimer();
    if (this.#postTimer !== null) return;
    this.#isPatient = isPatient;
    this.#postTimer = setTimeout(() => this.#postLate(), isPatient ? POST_REQUESTS_AFTER_MS : POST_AFTER_MS);
  }

  /** Adds time that the page has spent on so many events. It is reported with the next answer to a ping, or the last message. */
  addCost(events: number, micros: number): void {
    this.#costEvents += events;
    this.#costMicros += micros;
  }

  #postLate(): void {
    const begun = performance.now();
    this.post();
    this.#costMicros += (performance.now() - begun) * 1_000;
  }

  #takeCost(): { events?: number; micros?: number } {
    if (this.#costEvents === 0) return {};
    const cost = { events: this.#costEvents, micros: Math.round(this.#costMicros) };
    this.#costEvents = 0;
    this.#costMicros = 0;
    return cost;
  }

  /** Sends what is queued, and that a script closes the window: later messages do not arrive. */
  sayClosing(): void {
    this.#leaving = true;
    this.#closing = true;
    this.post();
    const port = this.#over ? null : this.#connected();
    if (port !== null) this.#tell(port, { kind: "closing", relay: this.relayId });
  }

  /** Sends as many messages as may be in flight; with `everything`, all of them, because the document is going away. */
  post(everything = false): void {
    this.#clearPostTimer();
    if (this.#over || (this.queue.waiting === 0 && !everything)) return;
    const port = this.#connected();
    if (port === null) return;
    this.#postedAt = performance.now();
    for (
      let batch = this.queue.take(everything);
      batch !== null && this.#port === port;
      batch = this.queue.take(everything)
    ) {
      this.#send(port, batch.first, batch.lines, this.queue.waiting > 0);
    }
    if (everything && this.#isLast && !this.#closing && this.#port === port) this.#sayLeft(port);
  }

  /** Sends as `post` does, and answers a ping if nothing is left. */
  answer(ping: number): void {
    this.post();
    if (this.#over || this.#leaving || this.#reconnectTimer !== null || this.queue.waiting > 0) return;
    const port = this.#connected();
    if (port === null) return;
    this.#tell(port, { kind: "pong", ping, ...this.#progress() });
  }

  /** Reports that this was all, so that its loss is noticed: see `worker/relays/lost_relays.ts`. */
  #sayLeft(port: chrome.runtime.Port): void {
    this.#tell(port, { kind: "left", ...this.#progress() });
  }

  /** How far the queue has got, and the cost since the last report. */
  #progress() {
    const { lastSent, lastAcked } = this.queue;
    return { relay: this.relayId, sent: lastSent, acked: lastAcked, ...this.#takeCost() };
  }

  /**
   * The document is going away, perhaps into the back/forward cache: then Chromium has closed the port before the page
   * receives the event, and does not report it; one that is opened now still carries what is said. Not `isLast`: tasks
   * of the page may run before it is frozen, and what they say may be lost.
   */
  leave(intoCache: boolean, isLast: boolean): void {
    this.#leaving = true;
    this.#isLast = isLast;
    if (intoCache) this.reconnect();
  }

  /** The document is shown again. */
  comeBack(fromCache: boolean): void {
    this.#leaving = false;
    this.#closing = false;
    if (fromCache) this.reconnect();
  }

  /** Opens a new port and sends again what is in flight. */
  reconnect(): void {
    this.#drop();
    if (this.#over) return;
    if (!this.isDone) this.#connected();
    this.post();
  }

  get isDone(): boolean {
    return this.queue.inFlight === 0 && this.queue.waiting === 0;
  }

  /** Returns the messages that are not acknowledged, for a successor. */
  pendingMessages(): PendingMessages {
    return this.queue.pendingMessages(this.relayId);
  }

  close(): void {
    this.#over = true;
    this.#clearPostTimer();
    this.#drop();
    if (this.#reconnectTimer !== null) clearTimeout(this.#reconnectTimer);
  }

  #connected(): chrome.runtime.Port | null {
    if (this.#port !== null) return this.#port;
    if (!isExtensionAlive()) return this.#orphaned();
    let port: chrome.runtime.Port;
    try {
      port = chrome.runtime.connect({ name: RELAY_PORT });
    } catch {
      return this.#orphaned();
    }
    this.#port = port;
    port.onMessage.addListener((message: WorkerToRelay) => this.#received(port, message));
    port.onDisconnect.addListener(() => this.#disconnected(port));
    for (const again of this.queue.resend()) {
      const isLast = again.first + again.count - 1 === this.queue.lastSent;
      if (this.#port === port) this.#send(port, again.first, again.lines, !isLast || this.queue.waiting > 0);
    }
    return this.#port;
  }

  #received(port: chrome.runtime.Port, message: WorkerToRelay): void {
    if (port !== this.#port) return;
    if (message.kind === "ack") {
      this.#failures = 0;
      this.queue.ack(message.ack);
      this.#armAckTimer(true);
      if (this.queue.waiting > 0) this.post();
    }
    this.onMessage(message);
  }

  #disconnected(port: chrome.runtime.Port): void {
    if (port !== this.#port) return;
    this.#port = null;
    this.#armAckTimer(true);
    if (!isExtensionAlive()) {
      this.#orphaned();
    } else if (!this.isDone) {
      this.#reconnectLater();
    }
    // With nothing to send the worker may sleep: the next message opens a port.
  }

  #reconnectLater(): void {
    const delay = RECONNECT_DELAYS_MS[Math.min(this.#failures++, RECONNECT_DELAYS_MS.length - 1)] as number;
    if (delay === 0) {
      this.reconnect();
      return;
    }
    this.#reconnectTimer ??= setTimeout(() => {
      this.#reconnectTimer = null;
      this.reconnect();
    }, delay);
  }

  /** `more`: something is left that was said before, perhaps in another category. */
  #send(port: chrome.runtime.Port, first: number, lines: string, more: boolean): void {
    const queued = this.queue.inFlight + this.queue.waiting;
    const long = queued >= LONG_QUEUE ? { queued } : {};
    const optional = { ...(more ? { more } : {}), ...long };
    if (this.#tell(port, { kind: "lines", relay: this.relayId, first, lines, ...optional }))
      this.#armAckTimer(false);
  }

  /** Posts a message. Returns false if the port is closed; lines that it was to carry are in the window. */
  #tell(port: chrome.runtime.Port, message: RelayToWorker): boolean {
    try {
      port.postMessage(message);
      return true;
    } catch {
      this.#disconnected(port);
      return false;
    }
  }

  #armAckTimer(restart: boolean): void {
    if (restart && this.#ackTimer !== null) {
      clearTimeout(this.#ackTimer);
      this.#ackTimer = null;
    }
    if (this.#port === null || this.queue.inFlight === 0) return;
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = null;
      this.#drop();
      this.#reconnectLater();
    }, ACK_TIMEOUT_MS);
  }

  #drop(): void {
    const port = this.#port;
    this.#port = null;
    this.#armAckTimer(true);
    try {
      port?.disconnect();
    } catch {
      // It was gone already.
    }
  }

  #clearPostTimer(): void {
    if (this.#postTimer !== null) clearTimeout(this.#postTimer);
    this.#postTimer = null;
    this.#isPatient = false;
  }

  #orphaned(): null {
    if (!this.#over) {
      this.#over = true;
      this.onOrphaned();
    }
    return null;
  }
}

export function isExtensionAlive(): boolean {
  // After an extension reload `chrome.runtime` stays and its `id` goes.
  return chrome.runtime?.id !== undefined;
}
