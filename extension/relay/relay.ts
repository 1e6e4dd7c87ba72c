/**
 * The isolated-world relay of one document: takes the hook's lines and its own observations, and hands them to the
 * worker until it has committed them.
 *
 * It promises that only messages that overflow the queue are dropped before their ack, and that these are counted. When
 * its extension is reloaded it continues observing, as an orphan, until the new extension's relay takes over its
 * messages. It cannot save those that are not acknowledged when its document ends while no worker answers, or when no
 * successor comes.
 */

import type { WorkerToRelay } from "../protocol.ts";
import { HookChannel, type HookHandlers } from "./channel.ts";
import { nowMicros } from "./clock.ts";
import { Connection, isExtensionAlive } from "./connection.ts";
import { Details } from "./details.ts";
import { answerClaims, type Handover, listenForClaims, randomId, takeHandover } from "./handover.ts";
import { Interaction } from "./interaction.ts";
import { lineAt, type Observation } from "./observation.ts";
import { nearestPeerHook } from "./peer_hook.ts";
import type { PendingMessages } from "./pending_messages.ts";
import { Queue } from "./queue.ts";
import { Reports } from "./reports.ts";
import { DEFAULT_SETTINGS, ours, type RelaySettings, relayGlobal } from "./settings.ts";
import { observeVitals } from "./vitals.ts";

/** A reload takes some seconds; after so long no relay will follow, and the page gets everything back. */
const ORPHANED_MS = 60_000;
/** A hook that comes after the page takes milliseconds; one that has not come by then has found built-ins broken. */
const HOOKED_MS = 5_000;
/** A window that `window.close()` closes is gone by then; one that no script has opened stays. */
const CLOSED_MS = 1_000;

const NETWORK_TYPE = '"type":"network.';

class Relay {
  #settings: RelaySettings;
  readonly #queue = new Queue();
  readonly #details = new Details((line) => {
    this.#queue.push(categoryOf(line), line);
    this.#connection.wake();
  });
  readonly #connection: Connection;
  /** Connections of earlier orphaned relays, until their messages are acknowledged. */
  readonly #inherited = new Set<Connection>();
  readonly #onClaim = answerClaims(() => this.#leave());
  #orphanedTimer: ReturnType<typeof setTimeout> | null = null;
  readonly #hookTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #hook: HookChannel;
  readonly #interaction: Interaction;
  readonly #reports: Reports;
  readonly #stopVitals: () => void;
  /** Ends all listeners in this document. */
  readonly #ended = new AbortController();
  /** Notices `document.open()` from where the hook does not see it, and late: see `page/rewriting.ts`. */
  readonly #rootWatch = new MutationObserver(() => this.#arm());

  /** Whether the document was open before it was recorded. */
  readonly isLate: boolean;

  constructor(settings: RelaySettings) {
    this.#settings = settings;
    this.#connection = this.#connect(randomId(), this.#queue, (message) => {
      if (message.kind === "ack" && message.seqs !== undefined) this.#details.committed(message.seqs);
    });
    // A relay that was injected with its document cannot have a predecessor.
    const handover: Handover = settings.late ? takeHandover() : { pending: [], hook: null };
    this.isLate = settings.late && handover.hook === null;
    for (const pending of handover.pending) this.#inherit(pending);
    const observe = (observation: Observation): void => this.#observed(observation);
    this.#interaction = new Interaction(observe, (id, ts, event) => {
      // An interaction that is not recorded is not named as a cause.
      if (this.#settings.interaction !== "off") this.#hook.interaction(id, ts, event);
    });
    this.#reports = new Reports(observe);
    const limited = (reason: string, from: string): void =>
      observe({ type: "page.capture_limited", category: "page", source_event: from, data: [{ reason }] });
    const handlers: HookHandlers = {
      lines: (lines) => this.#hooked(lines, false),
      urgent_lines: (lines) => this.#hooked(lines, true),
      cost: (cost) => {
        const [events = 0, micros = 0] = cost.split(" ").map(Number);
        this.#connection.addCost(events, micros);
      },
      detail: (detail) => this.#details.keep(detail),
      hand_over: () => this.#details.handOver(),
      closing: () => this.#onClosing(),
      rewritten: () => this.#arm(),
      limited: (reason) => limited(reason, "hook"),
    };
    this.#hook = new HookChannel(this.#hookConfig(), handlers, nearestPeerHook, handover.hook);
    this.#stopVitals = window.top === window ? observeVitals(observe) : () => {};
    this.#arm();
    this.#rootWatch.observe(document, { childList: true });
    chrome.runtime.onMessage.addListener(this.#onBroadcast);
    if (settings.late) {
      limited(this.isLate ? "open_before_recording" : "extension_reloaded", "relay");
      this.#hookTimer = setTimeout(() => {
        if (this.hookChannel === null) limited("console_not_hookable", "relay");
      }, HOOKED_MS);
    }
  }

  get hookChannel(): EventTarget | null {
    return this.#hook.target;
  }

  configure(changes: Partial<RelaySettings>): void {
    // Whether the hook came late does not change by being told twice.
    this.#settings = { ...this.#settings, ...changes, late: this.#settings.late };
    if (!this.#settings.details) this.#details.clear();
    this.#hook.configure(this.#hookConfig());
  }

  #connect(
    relayId: string,
    queue: Queue,
    onMessage: (message: WorkerToRelay) => void = () => {},
  ): Connection {
    return new Connection(
      relayId,
      queue,
      (message) => {
        onMessage(message);
        this.#fromWorker(message);
      },
      () => this.#orphaned(),
    );
  }

  #inherit(pending: PendingMessages): void {
    const connection = this.#connect(pending.relay, Queue.inherit(pending));
    this.#inherited.add(connection);
    connection.reconnect();
  }

  #arm(): void {
    const { signal } = this.#ended;
    const options = { capture: true, signal };
    listenForClaims(this.#onClaim, signal);
    window.addEventListener("pagehide", this.#onPageHide, options);
    window.addEventListener("pageshow", this.#onPageShow, options);
    document.addEventListener("visibilitychange", this.#onHidden, options);
    document.addEventListener("freeze", this.#onFreeze, options);
    document.addEventListener("resume", this.#onResume, options);
    this.#interaction.install(signal);
    this.#reports.install(signal);
    this.#hook.rearm();
  }

  #hookConfig() {
    return {
      console: this.#settings.console,
      max_event_bytes: this.#settings.max_event_bytes.console,
      requests: this.#settings.network,
      max_request_bytes: this.#settings.max_event_bytes.network,
      details: this.#settings.details,
      late: this.#settings.late,
    };
  }

  #hooked(lines: string, isUrgent: boolean): void {
    let hasRequestsOnly = true;
    for (const line of lines.split("\n")) {
      const category = categoryOf(line);
      this.#queue.push(category, line);
      hasRequestsOnly &&= category === "network";
    }
    this.#connection.wake(isUrgent ? "urgent" : hasRequestsOnly ? "patient" : "soon");
    // An error: what came before it is wanted in full.
    if (isUrgent) this.#details.handOver();
  }

  #observed(observation: Observation): void {
    const { category } = observation;
    const maxBytes = this.#settings.max_event_bytes[category];
    const line = lineAt(observation, this.#settings[category], maxBytes, nowMicros());
    if (line === null) return;
    this.#queue.push(category, line);
    this.#connection.wake();
  }

  #fromWorker(message: WorkerToRelay): void {
    switch (message.kind) {
      case "config":
        this.configure(message.config);
        break;
      case "hand_over":
        this.#details.handOver();
        break;
      case "stop":
        this.#stop();
        break;
      case "ping":
        this.#answer(message.ping);
        break;
      case "ack":
      case "probe":
        break;
      default:
        message satisfies never;
    }
    for (const connection of this.#inherited) {
      if (!connection.isDone) continue;
      connection.close();
      this.#inherited.delete(connection);
    }
  }

  #answer(ping: number): void {
    this.#hook.drain();
    for (const connection of this.#connections) connection.answer(ping);
  }

  readonly #onBroadcast = (message: { tabtape?: WorkerToRelay }): void => {
    if (message.tabtape !== undefined) this.#fromWorker(message.tabtape);
  };

  readonly #onHidden = (): void => {
    if (document.visibilityState === "hidden") this.#flush();
  };

  /** The page's own listeners run after this one, and what they say still has to get out. */
  readonly #onPageHide = ({ persisted }: PageTransitionEvent): void => {
    for (const connection of this.#connections) connection.leave(persisted, !persisted);
    this.#flush(true);
  };

  /**
   * The document is in the back/forward cache by now, or asleep in its tab. A port that was opened before it got there
   * may have been closed with all that it carried: whatever is unacknowledged is sent once more.
   */
  readonly #onFreeze = (): void => {
    for (const connection of this.#connections) connection.leave(true, true);
    this.#flush(true);
  };

  readonly #onResume = (): void => {
    this.#hook.drain();
    for (const connection of this.#connections) connection.comeBack(false);
  };

  readonly #onPageShow = ({ persisted }: PageTransitionEvent): void => {
    this.#hook.drain();
    // Another session may have begun meanwhile, with seqs of its own.
    if (persisted) this.#details.clear();
    for (const connection of this.#connections) connection.comeBack(persisted);
  };

  /** When a window that closes gets its `pagehide`, Chromium takes nothing more from it for an extension. */
  #onClosing(): void {
    this.#interaction.finish();
    for (const connection of this.#connections) connection.sayClosing();
    this.#hook.drain(true);
    setTimeout(() => {
      for (const connection of this.#connections) connection.comeBack(false);
      this.#hook.drain();
    }, CLOSED_MS);
  }

  #flush(isLeaving = false): void {
    this.#interaction.finish();
    this.#hook.drain(isLeaving);
    for (const connection of this.#connections) connection.post(isLeaving);
  }

  get #connections(): Connection[] {
    return [this.#connection, ...this.#inherited];
  }

  #orphaned(): void {
    this.#orphanedTimer ??= setTimeout(() => this.#stop(), ORPHANED_MS);
  }

  /** A successor takes over. */
  #leave(): Handover {
    this.#interaction.finish();
    this.#hook.drain();
    const pending = this.#connections.map((connection) => connection.pendingMessages());
    const hook = this.#hook.release();
    this.#end();
    return { pending, hook };
  }

  /** Recording has ended, or no successor has come. The page gets everything back. */
  #stop(): void {
    this.#hook.drain();
    this.#hook.retire();
    if (isExtensionAlive()) {
      for (const connection of this.#connections) connection.post(true);
      chrome.runtime.onMessage.removeListener(this.#onBroadcast);
    }
    this.#end();
  }

  #end(): void {
    if (this.#orphanedTimer !== null) clearTimeout(this.#orphanedTimer);
    clearTimeout(this.#hookTimer);
    this.#details.clear();
    for (const connection of this.#connections) connection.close();
    this.#ended.abort();
    this.#interaction.remove();
    this.#reports.remove();
    this.#stopVitals();
    this.#rootWatch.disconnect();
    delete relayGlobal.tabtapeRelay;
  }
}

/** The category of a line of the hook, which writes its type second; a drop counts with the console's. */
function categoryOf(line: string): "console" | "network" {
  return line.startsWith(NETWORK_TYPE, line.indexOf(",") + 1) ? "network" : "console";
}

const settings = ours("tabtapeSettings") ?? {};
delete relayGlobal.tabtapeSettings;
const running = ours("tabtapeRelay");
if (running === undefined) relayGlobal.tabtapeRelay = new Relay({ ...DEFAULT_SETTINGS, ...settings });
else running.configure(settings);
