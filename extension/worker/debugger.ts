/**
 * The debugger producer, off until a person turns it on for a tab or for all: what only the DevTools protocol sees.
 *
 * In an attached tab it takes over `network` (with bodies and WebSocket frames at `verbose`), and the consoles of
 * workers, which no content script reaches. The consoles of documents stay the hook's, so nothing is doubled.
 * Attachments outlive the worker that made them; `resume` finds them again.
 */
import type { DetailLevel, EventInput, Recorder } from "../../src/js/types.ts";
import { CdpConsole } from "./cdp_console.ts";
import { CdpNetwork } from "./cdp_network.ts";
import { levelOf } from "./levels.ts";
import type { Network } from "./network.ts";
import type { RecorderOwner } from "./recorder.ts";
import type { Scope } from "./scope.ts";
import type { Tabs } from "./tabs.ts";

const PROTOCOL = "1.3";
/** Workers of a tab; each of them may have workers. */
const AUTO_ATTACH = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };

export type Source = chrome.debugger.DebuggerSession;
export type Params = Record<string, unknown>;

export interface CdpPublisher {
  /** Publishes what `make` returns at the category's level, if the tab is recorded at all. */
  publish(
    tabId: number,
    category: "network" | "console",
    make: (level: DetailLevel, recorder: Recorder) => EventInput | null,
  ): void;
  send(source: Source, method: string, params?: Params): Promise<Params>;
  metadata(tabId: number): Record<string, string>;
}

export class DebuggerProducer implements CdpPublisher {
  readonly #owner: RecorderOwner;
  readonly #scope: Scope;
  readonly #tabs: Tabs;
  readonly #webRequest: Network;
  readonly #network = new CdpNetwork(this);
  readonly #console = new CdpConsole(this);
  readonly #saveAll: (on: boolean) => Promise<void>;

  constructor(
    owner: RecorderOwner,
    scope: Scope,
    tabs: Tabs,
    webRequest: Network,
    saveAll: (on: boolean) => Promise<void>,
  ) {
    this.#owner = owner;
    this.#scope = scope;
    this.#tabs = tabs;
    this.#webRequest = webRequest;
    this.#saveAll = saveAll;
  }

  get attached(): number[] {
    return [...this.#webRequest.debuggedTabs];
  }

  listen(ready: Promise<void>, isAll: () => boolean): void {
    chrome.debugger.onEvent.addListener((source, method, params) => {
      void ready.then(() => this.#event(source, method, (params ?? {}) as Params));
    });
    chrome.debugger.onDetach.addListener(({ tabId }) => {
      if (tabId !== undefined) this.#forget(tabId);
    });
    chrome.tabs.onUpdated.addListener((tabId, changes, tab) => {
      if (changes.status !== "loading" || this.#webRequest.debuggedTabs.has(tabId)) return;
      void ready.then(() => {
        if (isAll() && this.#mayAttach(tab.url)) return this.attach(tabId).catch(() => {});
        return undefined;
      });
    });
  }

  /** After a worker's death: tabs that are still attached to. */
  async resume(): Promise<void> {
    for (const target of await chrome.debugger.getTargets()) {
      if (!target.attached || target.tabId === undefined) continue;
      try {
        // Fails for tabs that another client, DevTools for one, is attached to.
        await chrome.debugger.sendCommand({ tabId: target.tabId }, "Target.setAutoAttach", AUTO_ATTACH);
        this.#webRequest.debuggedTabs.add(target.tabId);
      } catch {
        // Not ours.
      }
    }
  }

  async setAll(on: boolean): Promise<void> {
    await this.#saveAll(on);
    const tabs = await chrome.tabs.query({});
    for (const { id, url } of tabs) {
      if (id === undefined) continue;
      if (on && this.#mayAttach(url)) await this.attach(id).catch(() => {});
      if (!on) await this.detach(id);
    }
  }

  async attach(tabId: number): Promise<void> {
    if (this.#webRequest.debuggedTabs.has(tabId)) return;
    if (this.#owner.recorder === null) throw new Error("nothing is being recorded");
    await chrome.debugger.attach({ tabId }, PROTOCOL);
    this.#webRequest.debuggedTabs.add(tabId);
    await this.#enable({ tabId });
  }

  async detach(tabId: number): Promise<void> {
    if (!this.#webRequest.debuggedTabs.has(tabId)) return;
    this.#forget(tabId);
    await chrome.debugger.detach({ tabId }).catch(() => {});
  }

  async detachAll(): Promise<void> {
    for (const tabId of this.attached) await this.detach(tabId);
  }

  publish(
    tabId: number,
    category: "network" | "console",
    make: (level: DetailLevel, recorder: Recorder) => EventInput | null,
  ): void {
    this.#owner.record(category, (recorder) => {
      const level = levelOf(recorder.config, category);
      if (level === null || !this.#scope.isRecorded(recorder, this.#tabs.url(tabId))) return;
      const event = make(level, recorder);
      if (event !== null && !this.#scope.isOurs(event.url)) recorder.publish(event);
    });
  }

  async send(source: Source, method: string, params: Params = {}): Promise<Params> {
    return ((await chrome.debugger.sendCommand(source, method, params)) ?? {}) as Params;
  }

  metadata(tabId: number): Record<string, string> {
    return this.#tabs.metadata(tabId);
  }

  async #enable(source: Source): Promise<void> {
    await this.send(source, "Network.enable", { maxPostDataSize: 65_536 });
    await this.send(source, "Target.setAutoAttach", AUTO_ATTACH);
  }

  #event(source: Source, method: string, params: Params): void {
    const { tabId } = source;
    if (tabId === undefined || !this.#webRequest.debuggedTabs.has(tabId)) return;
    if (method === "Target.attachedToTarget") void this.#attachedToTarget(source, params);
    else if (method.startsWith("Network.")) this.#network.event(source, tabId, method, params);
    else if (method.startsWith("Runtime.")) this.#console.event(source, tabId, method, params);
  }

  async #attachedToTarget(source: Source, params: Params): Promise<void> {
    const session: Source = { ...source, sessionId: params.sessionId as string };
    const target = params.targetInfo as { type: string; url: string };
    try {
      await this.#enable(session);
      if (target.type === "worker" || target.type === "service_worker" || target.type === "shared_worker") {
        this.#console.worker(session, target);
        await this.send(session, "Runtime.enable");
      }
    } catch {
      // The worker has ended already.
    }
  }

  #mayAttach(url: string | undefined): boolean {
    const { recorder } = this.#owner;
    return (
      recorder !== null &&
      url !== undefined &&
      /^(?:https?|file):/.test(url) &&
      this.#scope.isRecorded(recorder, url)
    );
  }

  #forget(tabId: number): void {
    this.#webRequest.debuggedTabs.delete(tabId);
    this.#network.forget(tabId);
    this.#console.forget(tabId);
  }
}
