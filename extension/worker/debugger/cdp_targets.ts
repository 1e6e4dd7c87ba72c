/**
 * The workers whose protocol sessions are open.
 *
 * A dedicated worker has a session in its own tab. A service worker or shared worker has one in each attached tab of its
 * origin, and each session reports all that the worker does. So one of them reports: the first. When that one ends,
 * another takes its place. Enabling a console in the protocol repeats the lines before; those that were published by
 * an earlier session are recognized by their time.
 */
import { beginning, MAX_URL_BYTES } from "../budget.ts";
import { remember } from "../remember.ts";
import { SessionStorageMap } from "../state/session_storage_map.ts";
import type { Source } from "./cdp_publisher.ts";

export interface Worker {
  tabId: number;
  type: string;
  url: string;
  /** The browser's name of the worker, the same in each of its sessions. */
  targetId: string;
  isReporting: boolean;
}

export interface TargetInfo {
  targetId: string;
  type: string;
  url: string;
}

const WORKERS = ["worker", "service_worker", "shared_worker"];
const MAX_WORKERS = 1_000;

export class CdpTargets {
  /** By protocol session. */
  readonly #workers = new SessionStorageMap<Worker>("tabtape_workers", MAX_WORKERS);
  /** The time of the last line of each worker that an enabled console can repeat, by target. */
  readonly #lastMs = new Map<string, number>();
  /** The tabs of other sessions, which are of frames of other sites. */
  readonly #frames = new Map<string, number>();
  /** Sessions whose console is being enabled. */
  readonly #enabling = new Set<string>();

  restore(): Promise<void> {
    return this.#workers.restore();
  }

  /** Takes a session that has begun. Returns whether it is to report. */
  began(source: Source, { targetId, type, url }: TargetInfo): boolean {
    const { sessionId, tabId } = source;
    if (sessionId === undefined || tabId === undefined) return true;
    if (!WORKERS.includes(type)) {
      this.#frames.set(sessionId, tabId);
      return true;
    }
    const isReporting = !this.#workers.all().some(([, one]) => one.targetId === targetId && one.isReporting);
    this.#workers.set(sessionId, { tabId, type, url: beginning(url, MAX_URL_BYTES), targetId, isReporting });
    return isReporting;
  }

  /** Takes the end of a session. Returns the one that reports from now on, if another has to. */
  ended(sessionId: string): Source | null {
    const worker = this.#workers.get(sessionId);
    this.#workers.delete(sessionId);
    this.#frames.delete(sessionId);
    return worker?.isReporting === true ? this.#successor(worker.targetId) : null;
  }

  /** Takes the end of a tab's attachment. Returns the sessions in other tabs that report from now on. */
  forget(tabId: number): Source[] {
    for (const { sessionId } of this.framesOf(tabId)) this.#frames.delete(sessionId as string);
    const ended = this.#workers.all().filter(([, worker]) => worker.tabId === tabId);
    for (const [sessionId] of ended) this.#workers.delete(sessionId);
    return ended
      .filter(([, worker]) => worker.isReporting)
      .map(([, { targetId }]) => this.#successor(targetId))
      .filter((source) => source !== null);
  }

  get tabs(): Set<number> {
    return new Set(this.#workers.all().map(([, { tabId }]) => tabId));
  }

  /** The sessions of a tab's frames of other sites that have begun since this worker of ours has. */
  framesOf(tabId: number): Source[] {
    return [...this.#frames].filter(([, tab]) => tab === tabId).map(([sessionId]) => ({ tabId, sessionId }));
  }

  /** The worker of a session that reports. */
  worker(sessionId: string | undefined): Worker | undefined {
    const worker = sessionId === undefined ? undefined : this.#workers.get(sessionId);
    return worker?.isReporting === true ? worker : undefined;
  }

  isWorker(sessionId: string | undefined): boolean {
    return sessionId !== undefined && this.#workers.get(sessionId) !== undefined;
  }

  /** Whether this session is that of a worker without a tab: webRequest gives its requests none. */
  isShared(sessionId: string | undefined): boolean {
    const type = sessionId === undefined ? undefined : this.#workers.get(sessionId)?.type;
    return type === "service_worker" || type === "shared_worker";
  }

  hasDedicated(tabId: number): boolean {
    return this.#workers.all().some(([, worker]) => worker.tabId === tabId && worker.type === "worker");
  }

  get hasShared(): boolean {
    return this.#workers.all().some(([sessionId]) => this.isShared(sessionId));
  }

  /** The session's console begins or has begun, after it has repeated its lines. */
  setEnabling({ sessionId }: Source, isEnabling: boolean): void {
    if (sessionId === undefined) return;
    if (isEnabling) this.#enabling.add(sessionId);
    else this.#enabling.delete(sessionId);
  }

  /** Takes the time of a line. Returns whether an earlier session has published it. */
  isRepeated({ sessionId }: Source, { targetId }: Worker, timestampMs: number): boolean {
    const lastMs = this.#lastMs.get(targetId) ?? 0;
    if (sessionId !== undefined && this.#enabling.has(sessionId) && timestampMs <= lastMs) return true;
    remember(this.#lastMs, targetId, Math.max(timestampMs, lastMs), MAX_WORKERS);
    return false;
  }

  #successor(targetId: string): Source | null {
    const [found] = this.#workers.all().filter(([, worker]) => worker.targetId === targetId);
    if (found === undefined) return null;
    const [sessionId, worker] = found;
    this.#workers.set(sessionId, { ...worker, isReporting: true });
    // Lines that an earlier service worker of ours has published were before now.
    if (!this.#lastMs.has(targetId)) this.#lastMs.set(targetId, Date.now());
    return { tabId: worker.tabId, sessionId };
  }
}
