/**
 * Relays that ended without having delivered everything, as far as anyone can tell.
 *
 * A relay says when its document is left for good, or frozen in the back/forward cache (`left`). Until everything up to
 * that message is committed, its entry is kept here, also for the next worker. An entry whose document is gone means
 * that an unknown number of events may be lost: its renderer crashed, its tab was closed while it was busy, or a worker
 * was stopped with its last messages in hand. This becomes `system.relay_lost`, from which coverage takes that nothing is
 * known of the document from its last committed event on. Chromium delivers no last message from a window that a script
 * closes, nor from a tab that is closed while no worker runs: if the document was quiet, this becomes
 * `system.relay_unconfirmed`, with the same effect on coverage. A document that comes back out of the back/forward cache sends again what it has, and a last message may
 * be late: `system.relay_found`.
 *
 * The first message of a document may be lost, too, as a worker starts: a document has an entry of its own, made when
 * it is committed or comes back, until something is received from its relay.
 */
import type { Recorder, WatchedUntil } from "../../../src/web/types.ts";
import type { WorkerToRelay } from "../../protocol.ts";
import type { Publisher } from "../producers/publisher.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import { withTimeout } from "../with_timeout.ts";

const MAX_ENTRIES = 2_000;
/** A relay whose port ended opens the next one at once; a document's last messages are on their way for less. */
const SETTLE_MS = 1_500;
/** After a worker's start: relays with something unacknowledged come back at once. */
const RESTORED_MS = 3_000;
/** A document that was quiet for so long before its tab was closed has probably lost nothing. */
const QUIET_MS = 1_000;
/** How often the time of the last committed event is written for the next worker. */
const MIRROR_TS_MS = 1_000;
const PROBE_MS = 5_000;

interface Entry {
  session: string;
  metadata: Record<string, string>;
  url: string;
  /** Time of the last committed event, or of the last ping that was answered, in Unix microseconds. */
  committedTs: number;
  /** Something was received from its relay. */
  isHeard: boolean;
  /** When its last message arrived, Unix milliseconds. */
  receivedMs: number;
  /** The loss was published. */
  isLost: boolean;
}

interface Progress {
  /** The last message taken, and the seq that it is committed with. */
  message: number;
  seq: number;
  /** Messages that are not committed yet, after which the relay had nothing left, with the time of their last line. */
  uncommitted: { message: number; ts: number }[];
  mirroredMs: number;
}

export interface LostRelaysParts {
  owner: RecorderOwner;
  scope: Scope;
  publisher: Publisher;
  /** A relay has an open port. */
  isConnected(relay: string): boolean;
}

export class LostRelays {
  readonly #entries = new SessionStorageMap<Entry>("tabtape_relays", MAX_ENTRIES);
  readonly #progress = new Map<string, Progress>();
  /** When the navigations began that are under way, by tab and frame, Unix milliseconds. */
  readonly #navigations = new Map<string, number>();
  #ping = 0;
  /** Relays that have answered the last ping. */
  readonly #answered = new Set<string>();

  constructor(private readonly parts: LostRelaysParts) {}

  listen(): void {
    chrome.tabs.onRemoved.addListener((tabId) => {
      const now = Date.now();
      this.#check((entry) => Number(entry.metadata.tab_id) === tabId, now);
    });
    chrome.webNavigation.onBeforeNavigate.addListener(({ tabId, frameId, timeStamp }) => {
      this.#navigations.set(`${tabId} ${frameId}`, timeStamp);
    });
    chrome.webNavigation.onErrorOccurred.addListener(({ tabId, frameId }) => {
      this.#navigations.delete(`${tabId} ${frameId}`);
    });
    chrome.webNavigation.onCommitted.addListener((details) => {
      const { tabId, frameId, documentId } = details;
      this.#expect(details);
      const isLeft = ({ metadata }: Entry) =>
        Number(metadata.tab_id) === tabId &&
        (frameId === 0 || Number(metadata.frame_id) === frameId) &&
        metadata.document_id !== documentId;
      this.#check(isLeft, Date.now());
    });
  }

  /** Takes over what the worker before knew. */
  async restore(): Promise<void> {
    await this.#entries.restore();
    const restored = this.#entries.all();
    setTimeout(() => {
      for (const [relay] of restored) void this.#verify(relay, Date.now(), "worker_stopped");
    }, RESTORED_MS);
  }

  /** Messages of a relay were accepted; `lines` are the last of them, and all that it had if `isAll`. */
  accepted(
    session: string,
    relay: string,
    metadata: Record<string, string>,
    url: string,
    lines: string,
    receipt: { message: number; seq: number },
    isAll: boolean,
  ): void {
    const expected = this.#entries.get(keyOf(metadata.document_id));
    this.#entries.delete(keyOf(metadata.document_id));
    const before = this.#entries.get(relay);
    if (before?.isLost === true) this.#publish("system.relay_found", before, {});
    const now = Date.now();
    const progress = this.#progress.get(relay) ?? { message: 0, seq: 0, uncommitted: [], mirroredMs: 0 };
    this.#progress.set(relay, progress);
    progress.message = receipt.message;
    progress.seq = receipt.seq;
    // While the relay has more to send, that may be older: a queue's categories take turns.
    if (isAll)
      progress.uncommitted.push({
        message: receipt.message,
        ts: tsOf(lines.slice(lines.lastIndexOf("\n") + 1)),
      });
    const begunTs = Math.min(expected?.committedTs ?? Number.POSITIVE_INFINITY, tsOf(lines));
    const entry: Entry = {
      ...entryOf(session, metadata, url, before?.committedTs ?? begunTs),
      isHeard: true,
      receivedMs: now,
    };
    if (before === undefined || before.isLost) {
      progress.mirroredMs = now;
      this.#entries.set(relay, entry);
    } else {
      Object.assign(before, entry);
    }
  }

  /** A relay's messages up to this one are committed. */
  committed(relay: string, message: number): void {
    const progress = this.#progress.get(relay);
    const entry = this.#entries.get(relay);
    if (progress === undefined || entry === undefined) return;
    while ((progress.uncommitted[0]?.message ?? Number.POSITIVE_INFINITY) <= message)
      entry.committedTs = Math.max(entry.committedTs, progress.uncommitted.shift()?.ts ?? 0);
    const now = Date.now();
    if (now - progress.mirroredMs < MIRROR_TS_MS) return;
    progress.mirroredMs = now;
    this.#entries.set(relay, entry);
  }

  /** A script closes the window of a relay's document, of which nothing that is said from now on arrives. */
  closing(session: string, relay: string, metadata: Record<string, string>, url: string): void {
    this.#entries.delete(keyOf(metadata.document_id));
    if (this.#entries.get(relay) !== undefined) return;
    this.#entries.set(relay, { ...entryOf(session, metadata, url, Date.now() * 1_000), isHeard: true });
  }

  /** A relay's document is left: it has sent messages up to `last`, of which those up to `acked` are acknowledged. */
  left(recorder: Recorder, relay: string, documentId: string | undefined, last: number, acked: number): void {
    const { message, seq } = this.#progress.get(relay) ?? { message: 0, seq: 0 };
    // Some were sent on a port that has ended: they are sent again, or lost.
    if (Math.max(message, acked) < last) return;
    const expected = this.#entries.get(keyOf(documentId));
    if (expected?.isLost === true) this.#publish("system.relay_found", expected, {});
    this.#entries.delete(keyOf(documentId));
    recorder.committed(seq).then(
      () => {
        if ((this.#progress.get(relay)?.message ?? 0) > Math.max(last, message)) return;
        const entry = this.#entries.get(relay);
        if (entry?.isLost === true) this.#publish("system.relay_found", entry, {});
        this.#forget(relay);
      },
      () => {},
    );
  }

  /** Begins to ask the relays which are not known to be connected; `RelayPorts` asks the others. Returns the ping. */
  startPing(): number {
    this.#answered.clear();
    this.#ping++;
    for (const [relay, entry] of this.#entries.all())
      if (entry.isHeard && !entry.isLost && !this.parts.isConnected(relay)) void ask(entry, this.#ping);
    return this.#ping;
  }

  /** A relay has sent everything up to message `sent`. */
  answered(relay: string, ping: number, sent: number, acked: number): void {
    if (ping !== this.#ping || Math.max(this.#progress.get(relay)?.message ?? 0, acked) < sent) return;
    this.#answered.add(relay);
  }

  /** Returns the documents that have not answered the ping which was sent at `pingedTs`. */
  behind(pingedTs: number): WatchedUntil["behind"] {
    const behind = [];
    for (const [relay, entry] of this.#entries.all()) {
      if (!entry.isHeard || entry.isLost || entry.committedTs >= pingedTs) continue;
      const { document_id, tab_id } = entry.metadata;
      if (this.#answered.has(relay)) {
        entry.committedTs = pingedTs;
        this.#entries.set(relay, entry);
      } else if (document_id !== undefined)
        behind.push({ document_id, tab_id: tab_id ?? null, from_ts: entry.committedTs });
    }
    return behind;
  }

  /** The port of a relay has ended. */
  disconnected(relay: string): void {
    const now = Date.now();
    setTimeout(() => void this.#verify(relay, now, "document_ended"), SETTLE_MS);
  }

  #check(isConcerned: (entry: Entry) => boolean, nowMs: number): void {
    // The entries of the worker before may not be read yet.
    setTimeout(() => {
      for (const [relay, entry] of this.#entries.all())
        if (isConcerned(entry)) void this.#verify(relay, nowMs, "document_ended");
    }, SETTLE_MS);
  }

  async #verify(relay: string, endedMs: number, reason: string): Promise<void> {
    const entry = this.#entries.get(relay);
    if (entry === undefined || entry.isLost) return;
    const { recorder } = this.parts.owner;
    if (recorder !== null && recorder.sessionId !== entry.session) {
      // That session has said itself that it ended.
      this.#forget(relay);
      return;
    }
    const state = await stateOf(entry);
    // Chromium does not report the end of a port that the back/forward cache holds, not even with its tab.
    if (state === "alive" || (state !== "tab_closed" && this.parts.isConnected(relay))) return;
    // It has delivered, or come back, meanwhile.
    if (this.#entries.get(relay) !== entry || entry.isLost) return;
    entry.isLost = true;
    this.#entries.set(relay, entry);
    const isQuiet = !entry.isHeard || (state === "tab_closed" && entry.receivedMs < endedMs - QUIET_MS);
    this.#publish(isQuiet ? "system.relay_unconfirmed" : "system.relay_lost", entry, {
      reason: state === "document_gone" ? reason : state,
      from_ts: entry.committedTs,
      // A process may outlive its tab by some milliseconds, and speak.
      to_ts: Math.max(entry.committedTs, Date.now() * 1_000),
    });
    // A document in the back/forward cache can return, and the last message of a closed one can be late.
    if (state === "crashed" || state === "discarded") this.#forget(relay);
    if (state === "crashed") this.#publishCrash(entry, endedMs);
  }

  /** A document has begun, or come back. */
  #expect({ tabId, frameId, documentId, url, documentLifecycle, timeStamp }: Committed): void {
    // A document's first script may run before the browser reports its commit.
    const begunMs = this.#navigations.get(`${tabId} ${frameId}`);
    this.#navigations.delete(`${tabId} ${frameId}`);
    if (documentId === undefined || documentLifecycle !== "active" || !/^(https?|file|blob|data):/.test(url))
      return;
    this.parts.owner.record("system", (recorder) => {
      if (!this.parts.scope.isRecorded(recorder, url)) return;
      if (
        this.#entries.all().some(([, { metadata, isLost }]) => !isLost && metadata.document_id === documentId)
      )
        return;
      const metadata = { tab_id: `${tabId}`, frame_id: `${frameId}`, document_id: documentId };
      const begunTs = Math.round((begunMs ?? timeStamp) * 1_000);
      this.#entries.set(keyOf(documentId), entryOf(recorder.sessionId, metadata, url, begunTs));
    });
  }

  #publish(type: string, { metadata, url }: Entry, data: object): void {
    this.parts.owner.publish({
      type,
      category: "system",
      source: { kind: "extension", event: "runtime.Port.onDisconnect", metadata },
      ...(url === "" ? {} : { url }),
      data: { document_id: metadata.document_id ?? null, tab_id: metadata.tab_id ?? null, ...data },
    });
  }

  #publishCrash({ metadata, url }: Entry, endedMs: number): void {
    this.parts.publisher.publish({
      timeMs: endedMs,
      category: "tab",
      type: "tab.crashed",
      event: "runtime.Port.onDisconnect",
      metadata: () => metadata,
      url,
      fields: { minimal: { outermost: metadata.frame_id === "0" } },
    });
  }

  #forget(relay: string): void {
    this.#entries.delete(relay);
    this.#progress.delete(relay);
  }
}

type Committed = chrome.webNavigation.WebNavigationTransitionCallbackDetails;

/** Returns the entry of a document whose relay has not sent a message yet. */
function entryOf(session: string, metadata: Entry["metadata"], url: string, committedTs: number): Entry {
  return {
    session,
    metadata,
    url: url.slice(0, 2_048),
    committedTs,
    isHeard: false,
    receivedMs: 0,
    isLost: false,
  };
}

/** Returns the key of such an entry. */
function keyOf(documentId: string | undefined): string {
  return `document:${documentId}`;
}

/** The time of a line, or of the first of several; 0 if it has none. */
function tsOf(line: string): number {
  return Number(/^\{"ts":(\d+)/.exec(line)?.[1] ?? 0);
}

/** A document in the back/forward cache, which no frame shows, is not asked: a message would end it. */
async function ask({ metadata }: Entry, ping: number): Promise<void> {
  const documentId = metadata.document_id;
  if (documentId === undefined) return;
  const frame = await chrome.webNavigation.getFrame({ documentId }).catch(() => null);
  if (frame === null) return;
  await chrome.tabs
    .sendMessage(
      Number(metadata.tab_id),
      { tabtape: { kind: "ping", ping } satisfies WorkerToRelay },
      { documentId },
    )
    .catch(() => {});
}

/** Returns the state of an entry's document. Chromium does not tell the back/forward cache from a document that is gone. */
async function stateOf({
  metadata,
}: Entry): Promise<"alive" | "crashed" | "discarded" | "tab_closed" | "document_gone"> {
  const tabId = Number(metadata.tab_id);
  const documentId = metadata.document_id;
  const tab = await chrome.tabs.get(tabId).catch(() => null);
  if (tab === null) return "tab_closed";
  if (documentId === undefined) return "alive";
  const frame = await chrome.webNavigation.getFrame({ documentId }).catch(() => null);
  if (frame === null) return tab.discarded ? "discarded" : "document_gone";
  // A tab without a process, which `unloaded` says, still names the document that it had.
  if (tab.status === "unloaded") return tab.discarded ? "discarded" : "crashed";
  if (metadata.frame_id === "0") return "alive";
  // A frame may have a process of its own. Its relay takes a message without content, and answers nothing.
  const answer = chrome.tabs
    .sendMessage(tabId, { tabtape: { kind: "probe" } satisfies WorkerToRelay }, { documentId })
    .then(
      () => "alive" as const,
      (error: Error) => (error.message.includes("Receiving end does not exist") ? "crashed" : "alive"),
    );
  return withTimeout(answer, "a probe", PROBE_MS).catch(() => "alive");
}
