/**
 * Content scripts: registered while something is recorded, gone when nothing is.
 *
 * What a document has to know before its first script runs (the level of each category) is in the choice of the
 * scripts registered for it: a content script takes no arguments.
 */
import type { CaptureConfig, Recorder } from "../../src/js/types.ts";
import type { Home } from "./home.ts";
import { levelOf } from "./levels.ts";
import type { Scope } from "./scope.ts";

const RELAY = "tabtape-relay";
const HOOK = "tabtape-hook";

type InPage = "console" | "page" | "interaction";
const IN_PAGE: InPage[] = ["console", "page", "interaction"];

export interface RelayConfig {
  console: string;
  page: string;
  interaction: string;
  max_event_bytes: number;
}

export function relayConfig(config: CaptureConfig): RelayConfig {
  return {
    console: levelOf(config, "console") ?? "off",
    page: levelOf(config, "page") ?? "off",
    interaction: levelOf(config, "interaction") ?? "off",
    max_event_bytes: config.categories.console?.max_event_bytes ?? 65_536,
  };
}

export class Registration {
  readonly #folder: string;
  readonly #scope: Scope;

  constructor(home: Home, scope: Scope) {
    this.#folder = home.folder;
    this.#scope = scope;
  }

  /** Brings the registered scripts in line with the config. */
  async apply(recorder: Recorder): Promise<void> {
    const config = relayConfig(recorder.config);
    const shared = {
      ...this.#scope.matchPatterns(recorder),
      runAt: "document_start" as const,
      allFrames: true,
      matchOriginAsFallback: true,
      persistAcrossSessions: true,
    };
    await this.remove();
    await chrome.scripting.registerContentScripts([
      {
        ...shared,
        id: RELAY,
        world: "ISOLATED",
        js: [
          ...IN_PAGE.map((category) => `${this.#folder}levels/${category}-${config[category]}.js`),
          `${this.#folder}relay.js`,
        ],
      },
      { ...shared, id: HOOK, world: "MAIN", js: [`${this.#folder}hook.js`] },
    ]);
  }

  async remove(): Promise<void> {
    const registered = await chrome.scripting.getRegisteredContentScripts({ ids: [RELAY, HOOK] });
    const ids = registered.map(({ id }) => id);
    if (ids.length > 0) await chrome.scripting.unregisterContentScripts({ ids });
  }

  /** Captures tabs that are open already, from now on. */
  async injectIntoOpenTabs(recorder: Recorder): Promise<void> {
    const settings = { ...relayConfig(recorder.config), late: true };
    const tabs = await chrome.tabs.query({});
    await Promise.all(
      tabs.map(async (tab) => {
        if (tab.id === undefined || tab.discarded || !this.#scope.isRecorded(recorder, tab.url)) return;
        try {
          await inject(tab.id, this.#folder, settings);
        } catch {
          // Pages of the browser, of its store and of other extensions take no scripts.
        }
      }),
    );
  }

  /** Tells every running relay, whether it has a port or not. */
  async broadcast(message: { config: RelayConfig } | { stop: true }): Promise<void> {
    const tabs = await chrome.tabs.query({});
    await Promise.allSettled(
      tabs.map((tab) =>
        tab.id === undefined ? undefined : chrome.tabs.sendMessage(tab.id, { tabtape: message }),
      ),
    );
  }
}

async function inject(tabId: number, folder: string, settings: object): Promise<void> {
  const frames = await chrome.scripting.executeScript({
    target: { tabId, allFrames: true },
    injectImmediately: true,
    // Runs in the page's isolated world: see relay/settings.ts.
    func: (given: object) => {
      const world = globalThis as unknown as { tabtapeRelay?: unknown; tabtapeSettings?: object };
      if (world.tabtapeRelay !== undefined) return false;
      world.tabtapeSettings = given;
      return true;
    },
    args: [settings],
  });
  const frameIds = frames.filter(({ result }) => result === true).map(({ frameId }) => frameId);
  if (frameIds.length === 0) return;
  const target = { tabId, frameIds };
  await chrome.scripting.executeScript({ target, injectImmediately: true, files: [`${folder}relay.js`] });
  await chrome.scripting.executeScript({
    target,
    injectImmediately: true,
    world: "MAIN",
    files: [`${folder}hook.js`],
  });
}
