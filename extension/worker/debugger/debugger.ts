/**
 * The debugger producer, off until a person turns it on for a tab or for all: what only the DevTools protocol sees.
 *
 * In an attached tab it records `network` (with bodies and WebSocket frames at `verbose`), merged with webRequest's
 * record of the same requests (see `exchanges.ts`), the consoles of workers, which no content script reaches, and what
 * the browser itself writes into a console. The consoles of documents stay the hook's, so nothing is doubled.
 * Attachments outlive the worker that made them: `resume` finds them again before the next one records anything. They
 * end with the recording; the setting for all tabs holds for the next one.
 */
import { EVENT_BYTES } from "../../capture.ts";
import { levelOf } from "../producers/levels.ts";
import type { RecordingFollower } from "../recorder/recording.ts";
import type { RecorderWorker } from "../wiring.ts";
import { TimeoutError, withTimeout } from "../with_timeout.ts";
import { CdpConsole } from "./cdp_console.ts";
import { CdpFrames } from "./cdp_frames.ts";
import { CdpMessages } from "./cdp_messages.ts";
import { CdpNetwork } from "./cdp_network.ts";
import type { CdpPublisher, MakeCdpEvent, Params, Source } from "./cdp_publisher.ts";
import { CdpSockets } from "./cdp_sockets.ts";
import { CdpTargets, type TargetInfo } from "./cdp_targets.ts";
import type { TabProtocol } from "./script_errors.ts";

const PROTOCOL = "1.3";
/** Workers of a tab; each of them may have workers. */
const AUTO_ATTACH = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };

export class DebuggerProducer implements CdpPublisher, TabProtocol, RecordingFollower {
  readonly #frames: CdpFrames;
  readonly #network: CdpNetwork;
  readonly #sockets: CdpSockets;
  readonly #targets = new CdpTargets();
  readonly #console = new CdpConsole(this, this.#targets, (tabId, report) =>
    this.parts.workerErrors.recorded(tabId, report),
  );
  readonly #messages = new CdpMessages(this);
  readonly #debuggedTabs: Set<number>;
  /** Two attachments to one tab at once: the second would fail, and take the first with it. */
  readonly #attaching = new Map<number, Promise<void>>();
  /** The recorder stays a while after its recording has ended, to hand over what is left. */
  #hasEnded = false;

  constructor(private readonly parts: RecorderWorker) {
    this.#debuggedTabs = parts.network.debugged.tabs;
    parts.scriptErrors.protocol = this;
    parts.network.debugged.hasWorkers = (tabId) => this.#targets.hasDedicated(tabId);
    this.#frames = new CdpFrames(parts.documents, parts.network.debugged, this.#targets);
    this.#network = new CdpNetwork(this, this.#frames);
    this.#sockets = new CdpSockets(this, this.#frames, parts.pageRequests.closes);
  }

  get attached(): number[] {
    return [...this.#debuggedTabs];
  }

  listen(begun: () => Promise<void>): void {
    chrome.debugger.onEvent.addListener((source, method, params) => {
      void begun()
        .then(() => this.#event(source, method, (params ?? {}) as Params))
        .catch((error: unknown) => this.#refuse(method, error));
    });
    // Not called when we detach ourselves.
    chrome.debugger.onDetach.addListener(({ tabId }, reason) => {
      if (tabId === undefined) return;
      this.#forget(tabId);
      this.#tell("detached", tabId, { reason });
    });
    chrome.tabs.onUpdated.addListener((tabId, changes, tab) => {
      if (changes.status !== "loading" || this.#debuggedTabs.has(tabId)) return;
      void begun()
        .then(() => (this.#isAll && this.#mayAttach(tab.url) ? this.attach(tabId) : undefined))
        .catch((error: unknown) => console.error(`tabtape: tab ${tabId}`, error));
    });
  }

  /** After a worker's death: tabs that are still attached to. */
  async resume(): Promise<void> {
    const [targets] = await Promise.all([
      chrome.debugger.getTargets(),
      this.#sockets.restore(),
      this.#targets.restore(),
    ]);
    await Promise.all(
      targets.map(async ({ id, tabId, attached }) => {
        if (!attached || tabId === undefined || !(await this.#isOurs(tabId))) return;
        this.#frames.attached(tabId, id);
        this.#debuggedTabs.add(tabId);
      }),
    );
    // A tab that was detached while no worker of ours ran.
    for (const tabId of this.#targets.tabs) if (!this.#debuggedTabs.has(tabId)) this.#forget(tabId);
    this.parts.network.debugged.isAttachedToWorkers = this.#targets.hasShared;
  }

  async recordingStarted(): Promise<void> {
    this.#hasEnded = false;
    await this.#attachAll();
  }

  async recordingEnded(): Promise<void> {
    this.#hasEnded = true;
    await this.#detachAll();
  }

  async setAll(on: boolean): Promise<void> {
    await this.parts.recording.change({ debugger_all_tabs: on });
    await (on ? this.#attachAll() : this.#detachAll());
  }

  attach(tabId: number): Promise<void> {
    if (this.#debuggedTabs.has(tabId)) return Promise.resolve();
    const attaching =
      this.#attaching.get(tabId) ?? this.#attach(tabId).finally(() => this.#attaching.delete(tabId));
    this.#attaching.set(tabId, attaching);
    return attaching;
  }

  async detach(tabId: number): Promise<void> {
    await this.#attaching.get(tabId)?.catch(() => {});
    if (!this.#debuggedTabs.has(tabId)) return;
    this.#forget(tabId);
    await chrome.debugger.detach({ tabId }).catch(() => {});
    this.#tell("detached", tabId, { reason: "asked" });
  }

  publish(tabId: number, category: "network" | "console", method: string, make: MakeCdpEvent): void {
    const { owner, scope, tabs } = this.parts;
    owner.record(category, (recorder) => {
      const level = levelOf(recorder.config, category);
      if (level === null || !scope.isRecorded(recorder, tabs.url(tabId))) return;
      const event = make(level, recorder);
      if (event === null || scope.isOurs(event.url)) return;
      const { ts, type, metadata, url, data, isTruncated } = event;
      recorder.publish({
        ts,
        type,
        category,
        detail_level: level,
        source: { kind: "cdp", event: method, metadata: { ...tabs.metadata(tabId), ...metadata } },
        ...(url === undefined ? {} : { url }),
        data,
        ...(isTruncated ? { truncated: true } : {}),
      });
    });
  }

  async send(source: Source, method: string, params: Params = {}): Promise<Params> {
    return ((await chrome.debugger.sendCommand(source, method, params)) ?? {}) as Params;
  }

  page(tabId: number): string | undefined {
    return this.parts.tabs.url(tabId);
  }

  documents(tabId: number): Source[] {
    return this.#debuggedTabs.has(tabId) ? [{ tabId }, ...this.#targets.framesOf(tabId)] : [];
  }

  maxEventBytes(category: "network" | "console"): number {
    return this.parts.owner.recorder?.config.categories[category]?.max_event_bytes ?? 0;
  }

  get #isAll(): boolean {
    return this.parts.recording.settings.debugger_all_tabs;
  }

  async #attach(tabId: number): Promise<void> {
    this.#checkRecording();
    await chrome.debugger.attach({ tabId }, PROTOCOL);
    try {
      const targets = await chrome.debugger.getTargets();
      const target = targets.find((one) => one.tabId === tabId);
      if (target !== undefined) this.#frames.attached(tabId, target.id);
      const enabled = this.send({ tabId }, "Network.enable", { maxPostDataSize: EVENT_BYTES });
      await withTimeout(enabled, "Network.enable");
      // From here on and not before, webRequest's events of this tab are left out.
      this.parts.network.delegateToDebugger(tabId);
      await withTimeout(this.send({ tabId }, "Target.setAutoAttach", AUTO_ATTACH), "Target.setAutoAttach");
      this.#messages.attached(tabId);
      await withTimeout(this.#enableMessages({ tabId }), "Log.enable");
      this.#checkRecording();
    } catch (error) {
      this.#forget(tabId);
      await chrome.debugger.detach({ tabId }).catch(() => {});
      throw error;
    }
    this.#tell("attached", tabId, {});
  }

  async #enableMessages(session: Source): Promise<void> {
    await this.send(session, "Log.enable");
    await this.send(session, "Audits.enable");
  }

  #checkRecording(): void {
    if (this.#hasEnded || this.parts.owner.recorder === null) throw new Error("nothing is being recorded");
  }

  async #attachAll(): Promise<void> {
    if (!this.#isAll) return;
    const tabs = await chrome.tabs.query({});
    await Promise.all(
      tabs.map(async ({ id, url }) => {
        if (id === undefined || !this.#isAll || !this.#mayAttach(url)) return;
        await this.attach(id).catch((error: unknown) => console.error(`tabtape: tab ${id}`, error));
      }),
    );
  }

  /** Those that are being attached to as well. */
  async #detachAll(): Promise<void> {
    const tabIds = new Set([...this.#attaching.keys(), ...this.attached]);
    await Promise.all([...tabIds].map((tabId) => this.detach(tabId)));
  }

  /** Whether we are attached to a tab. Commands fail for a tab to which only DevTools or another client is attached. */
  async #isOurs(tabId: number): Promise<boolean> {
    try {
      await withTimeout(this.send({ tabId }, "Target.setAutoAttach", AUTO_ATTACH), "Target.setAutoAttach");
      return true;
    } catch (error) {
      // A tab that is not ours refuses at once.
      return error instanceof TimeoutError;
    }
  }

  /** Records a gap for a message of the protocol that could not be read. */
  #refuse(method: string, error: unknown): void {
    this.parts.owner.record(/^(?:Runtime|Log|Audits)\./.test(method) ? "console" : "network", () => {
      throw error;
    });
  }

  #event(source: Source, method: string, params: Params): void | Promise<void> {
    const { tabId } = source;
    if (tabId === undefined || !this.#debuggedTabs.has(tabId)) return;
    // Not by session: the document of another site's frame begins in its parent's and ends in its own.
    const id = `${tabId}:${params.requestId as string}`;
    if (method === "Target.attachedToTarget") return this.#attachedToTarget(source, params);
    if (method === "Target.detachedFromTarget") return this.#detachedFromTarget(params.sessionId as string);
    if (method.startsWith("Network.webSocket")) return this.#sockets.event(source, tabId, id, method, params);
    if (method.startsWith("Network.")) return this.#network.event(source, tabId, id, method, params);
    if (!method.startsWith("Runtime.")) return this.#messages.event(tabId, method, params);
    this.#console.event(source, tabId, method, params);
    if (method === "Runtime.exceptionThrown" && !this.#targets.isWorker(source.sessionId))
      this.parts.scriptErrors.thrown(source, params);
  }

  async #attachedToTarget(source: Source, params: Params): Promise<void> {
    const session: Source = { ...source, sessionId: params.sessionId as string };
    const isReporting = this.#targets.began(session, params.targetInfo as TargetInfo);
    this.parts.network.debugged.isAttachedToWorkers = this.#targets.hasShared;
    if (isReporting) await this.#report(session);
  }

  async #report(session: Source): Promise<void> {
    try {
      await this.send(session, "Network.enable", { maxPostDataSize: EVENT_BYTES });
      await this.send(session, "Target.setAutoAttach", AUTO_ATTACH);
      if (this.#targets.worker(session.sessionId) === undefined) return await this.#enableMessages(session);
      this.#targets.setEnabling(session, true);
      await this.send(session, "Runtime.enable").finally(() => this.#targets.setEnabling(session, false));
    } catch {
      // The worker has ended already.
    }
  }

  async #detachedFromTarget(sessionId: string): Promise<void> {
    const successor = this.#targets.ended(sessionId);
    this.parts.network.debugged.isAttachedToWorkers = this.#targets.hasShared;
    if (successor !== null) await this.#report(successor);
  }

  #mayAttach(url: string | undefined): boolean {
    const { owner, scope } = this.parts;
    const { recorder } = owner;
    return (
      recorder !== null &&
      !this.#hasEnded &&
      url !== undefined &&
      /^(?:https?|file):/.test(url) &&
      scope.isRecorded(recorder, url)
    );
  }

  /** Says in the stream from where on the tab's events come from another producer. */
  #tell(what: "attached" | "detached", tabId: number, data: Params): void {
    this.parts.owner.publish({
      type: `system.debugger_${what}`,
      category: "system",
      source: { kind: "cdp", event: `debugger.${what}`, metadata: this.parts.tabs.metadata(tabId) },
      data,
    });
  }

  #forget(tabId: number): void {
    this.parts.network.debugged.takeBack(tabId);
    this.#frames.forget(tabId);
    this.#network.forget(tabId);
    this.#messages.forget(tabId);
    this.#sockets.forget(tabId);
    this.parts.scriptErrors.forget(tabId);
    const successors = this.#targets.forget(tabId);
    this.parts.network.debugged.isAttachedToWorkers = this.#targets.hasShared;
    for (const session of successors) void this.#report(session);
  }
}
