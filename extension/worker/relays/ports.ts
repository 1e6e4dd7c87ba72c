/**
 * Relay ports: messages in, acks of commits out.
 *
 * The origin of a message is taken from its sender, never from its content. An ack is sent only after the messages it
 * covers are committed, so a relay keeps the others through every death of this worker. The first answer on each port
 * is the present capture config: a relay that has just begun, or was out of reach, has none or an older one.
 */
import type { Recorder, RelayContext, RelayReceipt } from "../../../src/web/types.ts";
import type { LinesMessage, RelayConfig, RelayToWorker, WorkerToRelay } from "../../protocol.ts";
import type { ScriptErrors } from "../debugger/script_errors.ts";
import type { WorkerErrors } from "../debugger/worker_errors.ts";
import type { PageRequests, Part } from "../producers/page_requests.ts";
import type { Screenshots } from "../producers/screenshots.ts";
import type { SourceMaps } from "../producers/source_maps.ts";
import type { Tabs } from "../producers/tabs.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import type { Documents } from "../state/documents.ts";
import { parentOf } from "../state/documents.ts";
import type { LostRelays } from "./lost_relays.ts";
import { figure, isRelayMessage } from "./received.ts";

/** The place of a relay's document; `around` is the page it is in. */
type Context = RelayContext & { around: string };

/** Characters of all relays that may wait for their commit. Far more, and the session would give up its log. */
const MAX_UNCOMMITTED_LENGTH = 4 << 20;

export interface RelayParts {
  owner: RecorderOwner;
  scope: Scope;
  tabs: Tabs;
  documents: Documents;
  recording(): boolean;
  configOf(recorder: Recorder): RelayConfig;
  lost: LostRelays;
  sourceMaps: SourceMaps;
  pageRequests: PageRequests;
  workerErrors: WorkerErrors;
  scriptErrors: ScriptErrors;
  screenshots: Screenshots;
}

export class RelayPorts {
  /** Ports on which the config was sent. */
  readonly #told = new WeakSet<chrome.runtime.Port>();
  /** Open ports, with the relay once it has said its id. */
  readonly #ports = new Map<chrome.runtime.Port, string | null>();
  /** Ports whose relay has said that its document is left: a message could throw it out of the back/forward cache. */
  readonly #left = new WeakSet<chrome.runtime.Port>();
  /** Relays in whose messages a trap struck: their lines are taken one by one, to find the one that does it. */
  readonly #lineByLine = new Set<string>();
  readonly #trappingLines = new Set<string>();
  /** The recorder whose commits the next two fields count: those of one that has trapped never end. */
  #committing: Recorder | null = null;
  #uncommittedLength = 0;
  #lastCommit: Promise<void> = Promise.resolve();
  /** Acks to be sent on each port: the last committed message, and seqs for details. */
  readonly #acks = new Map<chrome.runtime.Port, { ack: number; seqs: RelayReceipt["details"] }>();

  constructor(private readonly parts: RelayParts) {}

  /** Asks every relay with an open port whether there is anything that it has not sent. */
  ping(ping: number): void {
    for (const port of this.#ports.keys()) if (!this.#left.has(port)) post(port, { kind: "ping", ping });
  }

  /** Relays open a new port and send again what was not acknowledged. */
  disconnectAll(): void {
    for (const port of this.#ports.keys()) port.disconnect();
    this.#ports.clear();
  }

  isConnected(relay: string): boolean {
    for (const connected of this.#ports.values()) if (connected === relay) return true;
    return false;
  }

  accept(port: chrome.runtime.Port, ready: Promise<void>): void {
    const { sender } = port;
    const tabId = sender?.tab?.id;
    if (sender === undefined || tabId === undefined) {
      port.disconnect();
      return;
    }
    this.#ports.set(port, null);
    port.onDisconnect.addListener(() => {
      const relay = this.#ports.get(port);
      this.#ports.delete(port);
      // Messages that have arrived are committed first, and at once: no relay could send them again.
      turn
        .then(() => this.parts.owner.recorder?.commit())
        .catch((error: unknown) => console.error("tabtape: commit", error));
      if (relay) turn.finally(() => this.#lastCommit).finally(() => this.parts.lost.disconnected(relay));
    });
    const frame = Promise.all([ready, frameOf(sender, tabId)]).then(([, found]) => found);
    let turn: Promise<void> = Promise.resolve();
    /** A relay begins each port with its first unacknowledged message. */
    let acknowledged: number | null = null;
    const fail = (error: unknown): void => {
      console.error("tabtape: relay message", error);
      port.disconnect();
      this.#ports.delete(port);
    };
    port.onMessage.addListener((message: unknown) => {
      if (!isRelayMessage(message)) {
        turn = turn.then(() => fail(new Error("not a relay message")));
        return;
      }
      this.#note(message);
      switch (message.kind) {
        case "lines": {
          this.parts.owner.noteWork();
          this.#left.delete(port);
          if (this.#ports.has(port)) this.#ports.set(port, message.relay);
          this.parts.scriptErrors.note(tabId, sender.url ?? "", message);
          acknowledged ??= message.first - 1;
          const before = acknowledged;
          // Messages keep their order although each waits for the context.
          turn = turn
            .then(async () => this.#take(port, this.#context(sender, tabId, await frame), message, before))
            .catch(fail);
          return;
        }
        case "pong":
          if (this.#ports.has(port)) this.#ports.set(port, message.relay);
          turn = turn.then(() => {
            this.parts.lost.answered(message.relay, message.ping, message.sent, message.acked);
          });
          return;
        case "left":
          this.#left.add(port);
          turn = turn.then(() => {
            const { recorder } = this.parts.owner;
            if (recorder === null) return;
            this.parts.lost.left(recorder, message.relay, sender.documentId, message.sent, message.acked);
            recorder.commit();
          });
          return;
        case "closing":
          turn = turn.then(async () => {
            const { metadata, url, around } = this.#context(sender, tabId, await frame);
            const { recorder } = this.parts.owner;
            if (recorder === null || !this.parts.recording()) return;
            if (!this.parts.scope.isRecorded(recorder, url, around)) return;
            this.parts.lost.closing(recorder.sessionId, message.relay, metadata, url);
          });
          return;
        default:
          message satisfies never;
      }
    });
  }

  /** Passes a relay's figures on as they arrive: its messages may wait for the commit of earlier ones. */
  #note(message: RelayToWorker): void {
    const { queued, events, micros } = { queued: 0, events: 0, micros: 0, ...message };
    if (figure(queued) > 0 || figure(events) > 0)
      this.parts.owner.recorder?.noteRelay(figure(queued), figure(events), figure(micros));
  }

  async #take(
    port: chrome.runtime.Port,
    context: Context,
    message: LinesMessage,
    acknowledged: number,
  ): Promise<void> {
    if (!this.parts.recording()) {
      post(port, { kind: "stop" });
      return;
    }
    const { recorder } = this.parts.owner;
    // Being replaced after a trap: then the relay is asked to send again.
    if (recorder === null) return;
    if (!this.parts.scope.isRecorded(recorder, context.url, context.around)) {
      post(port, { kind: "stop" });
      return;
    }
    if (!this.#told.has(port)) {
      this.#told.add(port);
      post(port, { kind: "config", config: this.parts.configOf(recorder) });
    }
    const { relay, first, lines, more } = message;
    await recorder.openRelay(relay, acknowledged);
    if (recorder !== this.#committing) {
      this.#committing = recorder;
      this.#uncommittedLength = 0;
      this.#lastCommit = Promise.resolve();
    }
    while (this.#committing === recorder && this.#uncommittedLength > MAX_UNCOMMITTED_LENGTH)
      await this.#lastCommit;
    if (this.parts.owner.recorder !== recorder) return;
    const own = this.parts.workerErrors.without(context, lines);
    const kept = { relay, first, lines: typeof own === "string" ? own : await own };
    const completed = this.parts.scriptErrors.completed(context, kept);
    const recorded = typeof completed === "string" ? completed : await completed;
    const parts = this.parts.pageRequests.parts(recorder, context, first, recorded);
    const isLineByLine = this.#lineByLine.has(relay);
    const awaited = parts instanceof Promise ? await parts : parts;
    for (const part of awaited) {
      if (this.parts.owner.recorder !== recorder) return;
      if (!isLineByLine) {
        this.#publish(port, recorder, context, relay, part, more !== true && part === awaited.at(-1));
        continue;
      }
      let number = part.first;
      for (const line of part.lines.split("\n")) {
        if (this.parts.owner.recorder !== recorder) return;
        const poisoned = this.#trappingLines.has(`${relay}:${number}`);
        const one = { request: part.request, first: number, lines: poisoned ? dropOf(line) : line };
        this.#publish(port, recorder, context, relay, one, false);
        number++;
      }
    }
    if (isLineByLine) this.#lineByLine.delete(relay);
  }

  #publish(
    port: chrome.runtime.Port,
    recorder: Recorder,
    context: RelayContext,
    relay: string,
    { request, first, lines }: Part,
    isAll: boolean,
  ): void {
    let receipt: ReturnType<Recorder["publishRelay"]>;
    try {
      receipt = recorder.publishRelay(relay, request ?? context, first, lines);
    } catch (error) {
      // Sent again to the next instance: line by line, then with the trapping line replaced by its drop.
      if (this.#lineByLine.has(relay)) this.#trappingLines.add(`${relay}:${first}`);
      else this.#lineByLine.add(relay);
      if (!this.parts.owner.trapped(error, null)) {
        this.#lineByLine.delete(relay);
        throw error;
      }
      return;
    }
    if (receipt.accepted > 0) this.parts.screenshots.observe(context.metadata, lines);
    this.parts.lost.accepted(recorder.sessionId, relay, context.metadata, context.url, lines, receipt, isAll);
    this.parts.sourceMaps.observe(recorder, context, lines);
    this.#uncommittedLength += lines.length;
    this.#lastCommit = recorder
      .committed(receipt.seq)
      .then(
        () => {
          this.parts.lost.committed(relay, receipt.message);
          this.#acknowledge(port, receipt);
        },
        // Not committed: not acknowledged, so the relay sends it again.
        (error: unknown) => console.error("tabtape: commit", error),
      )
      .finally(() => {
        if (this.#committing === recorder) this.#uncommittedLength -= lines.length;
      });
  }

  /** Posts one ack per port and commit: an ack passes through three processes. */
  #acknowledge(port: chrome.runtime.Port, { message, details }: RelayReceipt): void {
    if (this.#acks.size === 0)
      queueMicrotask(() => {
        for (const [to, { ack, seqs }] of this.#acks)
          post(to, { kind: "ack", ack, ...(seqs.length === 0 ? {} : { seqs }) });
        this.#acks.clear();
      });
    const seqs = this.#acks.get(port)?.seqs ?? [];
    this.#acks.set(port, { ack: message, seqs: [...seqs, ...details] });
  }

  #context(sender: chrome.runtime.MessageSender, tabId: number, frame: Frame | null): Context {
    const { documentId } = sender;
    // `sender` has the frame at the time of the connection, and another number for a document that is being left.
    const frameId = this.parts.documents.frameOf(documentId) ?? sender.frameId ?? 0;
    const parent = this.parts.documents.parentsOf(documentId) ?? parentOf(frame ?? {});
    return {
      metadata: {
        ...(sender.tab === undefined ? {} : { window_id: `${sender.tab.windowId}` }),
        // The tab's present window and index: `sender` is as old as the port.
        ...this.parts.documents.metadata({ tabId, frameId, documentId }, parent),
      },
      url: this.parts.documents.urlOf(documentId) ?? sender.url ?? "",
      around: this.parts.tabs.url(tabId) ?? sender.tab?.url ?? "",
    };
  }
}

interface Frame {
  parentFrameId: number;
  parentDocumentId?: string | undefined;
}

/** The document's place among frames; top-level documents need not be asked for. */
async function frameOf(sender: chrome.runtime.MessageSender, tabId: number): Promise<Frame | null> {
  const { frameId, documentId } = sender;
  if (frameId === undefined || frameId === 0) return null;
  try {
    // A document that has only just begun is not yet known by its id.
    const byDocument = documentId === undefined ? null : await chrome.webNavigation.getFrame({ documentId });
    return byDocument ?? (await chrome.webNavigation.getFrame({ tabId, frameId }));
  } catch {
    // The frame has gone since.
    return null;
  }
}

function dropOf(line: string): string {
  const category = /"category":"([a-z]+)"/.exec(line)?.[1] ?? "console";
  return JSON.stringify({ drop: { category, count: 1, reason: "trap" } });
}

function post(port: chrome.runtime.Port, message: WorkerToRelay): void {
  // Chromium would throw the document out of the back/forward cache. It asks again if it comes back.
  if (port.sender?.documentLifecycle === "cached") return;
  try {
    port.postMessage(message);
  } catch {
    // The document is gone, or in the back/forward cache: it will connect again if it comes back.
  }
}
