/**
 * Content scripts: registered while something is recorded, gone when nothing is.
 *
 * A document needs the level of each category before its first script runs. A content script takes no arguments, so
 * the level decides which scripts are registered.
 */
import type { CaptureConfig, Recorder } from "../../../src/web/types.ts";
import { EVENT_BYTES, type InPageCategory } from "../../capture.ts";
import type { RelayConfig, WorkerToRelay } from "../../protocol.ts";
import type { Host } from "../host.ts";
import { InTurn } from "../in_turn.ts";
import { levelOf } from "../producers/levels.ts";
import { withTimeout } from "../with_timeout.ts";
import type { Scope } from "./scope.ts";

const RELAY = "tabtape-relay";
const HOOK = "tabtape-hook";

const IN_PAGE: InPageCategory[] = ["console", "network", "page", "interaction"];

function relayConfig(config: CaptureConfig, details: boolean): RelayConfig {
  const bytes = IN_PAGE.map((name) => [name, config.categories[name]?.max_event_bytes ?? EVENT_BYTES]);
  return {
    console: levelOf(config, "console") ?? "off",
    network: (config.observe_requests ? levelOf(config, "network") : null) ?? "off",
    page: levelOf(config, "page") ?? "off",
    interaction: levelOf(config, "interaction") ?? "off",
    details,
    max_event_bytes: Object.fromEntries(bytes) as RelayConfig["max_event_bytes"],
  };
}

export class Registration {
  /** One after the other: two that find nothing registered would both register, or one what another has removed. */
  readonly #turns = new InTurn();

  constructor(
    private readonly host: Host,
    private readonly scope: Scope,
    private readonly isRecording: () => boolean,
    private readonly keepsDetails: () => boolean,
  ) {}

  configOf({ config }: Recorder): RelayConfig {
    return relayConfig(config, this.keepsDetails());
  }

  /**
   * Brings the registered scripts in line with the config. There is no moment without scripts, or a page that begins
   * in it would not be recorded.
   */
  apply(recorder: Recorder): Promise<void> {
    return this.#turns.run(() => this.#apply(recorder));
  }

  remove(): Promise<void> {
    return this.#turns.run(() => this.#remove());
  }

  async #apply(recorder: Recorder): Promise<void> {
    if (!this.isRecording()) return;
    const config = this.configOf(recorder);
    const patterns = this.scope.matchPatterns(recorder);
    if (patterns.matches.length === 0) {
      await this.#remove();
      return;
    }
    const shared = {
      ...patterns,
      runAt: "document_start" as const,
      allFrames: true,
      matchOriginAsFallback: true,
      persistAcrossSessions: true,
    };
    const scripts: chrome.scripting.RegisteredContentScript[] = [
      {
        ...shared,
        id: RELAY,
        world: "ISOLATED",
        js: [
          ...IN_PAGE.map((category) => `${this.host.folder}levels/${category}-${config[category]}.js`),
          `${this.host.folder}levels/details-${config.details ? "on" : "off"}.js`,
          `${this.host.folder}relay.js`,
        ],
      },
      { ...shared, id: HOOK, world: "MAIN", js: [`${this.host.folder}hook.js`] },
    ];
    const registered = new Set(await registeredIds());
    const known = scripts.filter(({ id }) => registered.has(id));
    const missing = scripts.filter(({ id }) => !registered.has(id));
    if (known.length > 0) await chrome.scripting.updateContentScripts(known);
    if (missing.length > 0) await chrome.scripting.registerContentScripts(missing);
  }

  async #remove(): Promise<void> {
    const ids = await registeredIds();
    if (ids.length > 0) await chrome.scripting.unregisterContentScripts({ ids });
  }

  /** Captures tabs that are open already, from now on; one that does not answer, once it does. */
  async injectIntoOpenTabs(recorder: Recorder): Promise<void> {
    if (!this.isRecording()) return;
    const settings = { ...this.configOf(recorder), late: true };
    const tabs = await chrome.tabs.query({});
    await Promise.all(
      tabs.map(async (tab) => {
        if (tab.id === undefined || tab.discarded || !this.scope.isRecorded(recorder, tab.url)) return;
        try {
          await withTimeout(this.#inject(tab.id, settings), "injection");
        } catch {
          // Pages of the browser, of its store and of other extensions take no scripts.
        }
      }),
    );
  }

  /** Sends to every running relay, with or without a port, except of documents in the back/forward cache. */
  async broadcast(message: WorkerToRelay): Promise<void> {
    const tabs = await chrome.tabs.query({});
    await Promise.all(tabs.map(({ id }) => (id === undefined ? undefined : this.tell(id, message))));
  }

  /** Tells the relays of a tab, if there are any. */
  async tell(tabId: number, message: WorkerToRelay): Promise<void> {
    const told = chrome.tabs.sendMessage(tabId, { tabtape: message }).catch(() => {});
    await withTimeout(told, "a message").catch(() => {});
  }

  async #inject(tabId: number, settings: object): Promise<void> {
    const frames = await chrome.scripting.executeScript({
      target: { tabId, allFrames: true },
      injectImmediately: true,
      // Runs in the page's isolated world: see relay/settings.ts.
      func: (given: object) => {
        const world = globalThis as unknown as { tabtapeRelay?: unknown; tabtapeSettings?: object };
        // Its own: an element of that id would be there as well.
        if (Object.hasOwn(world, "tabtapeRelay")) return false;
        world.tabtapeSettings = given;
        return true;
      },
      args: [settings],
    });
    const frameIds = frames.filter(({ result }) => result === true).map(({ frameId }) => frameId);
    // The answer may have come late.
    if (frameIds.length === 0 || !this.isRecording()) return;
    const how = { target: { tabId, frameIds }, injectImmediately: true };
    const { folder } = this.host;
    await chrome.scripting.executeScript({ ...how, files: [`${folder}relay.js`] });
    await chrome.scripting.executeScript({ ...how, world: "MAIN", files: [`${folder}hook.js`] });
  }
}

async function registeredIds(): Promise<string[]> {
  const registered = await chrome.scripting.getRegisteredContentScripts({ ids: [RELAY, HOOK] });
  return registered.map(({ id }) => id);
}
