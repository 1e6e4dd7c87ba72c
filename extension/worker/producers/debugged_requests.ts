/**
 * The tabs whose requests the debugger producer records, and what webRequest has of those requests all the same: steps
 * that the protocol may not report (see `exchanges.ts`), and fields that only webRequest has.
 */
import type { EventInput, Recorder } from "../../../src/web/types.ts";
import { beginning, MAX_URL_BYTES } from "../budget.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import { remember } from "../remember.ts";
import { Exchanges, type HeldEvent, type OnDecided } from "./exchanges.ts";
import { HeldSteps } from "./held_steps.ts";

export interface Seen {
  /** Frame, document and navigation. */
  metadata: Record<string, string>;
  /** The browser's own name, once it has failed. */
  error: string | null;
}

const MAX_SEEN = 1_000;

export class DebuggedRequests {
  readonly tabs = new Set<number>();
  /** Whether the debugger reports dedicated workers of this tab. */
  hasWorkers: (tabId: number) => boolean = () => false;
  /** Called with webRequest's fields of each request that begins in a tab of the debugger. */
  onSeen: (tabId: number, url: string, metadata: Record<string, string>) => void = () => {};
  /** The requests that both record. */
  readonly exchanges: Exchanges;
  readonly heldSteps: HeldSteps;
  #isAttachedToWorkers = false;
  /** The tabs whose requests webRequest recorded until this worker attached the debugger. */
  readonly #handedOver = new Set<number>();
  /** Fields of requests that only webRequest has. By `tab:address`, the last request. */
  readonly #seen = new Map<string, Seen>();

  constructor(
    private readonly owner: RecorderOwner,
    onDecided: OnDecided,
  ) {
    this.heldSteps = new HeldSteps(() => owner.noteWork());
    this.exchanges = new Exchanges(
      (event, onCommitted) => this.#publish(event, onCommitted),
      this.heldSteps,
      onDecided,
    );
  }

  restore(): Promise<void> {
    return this.exchanges.restore((tabId) => this.has(tabId));
  }

  /** Whether the debugger records the requests of a tab, or of the workers that have none. */
  has(tabId: number): boolean {
    return tabId === chrome.tabs.TAB_ID_NONE ? this.#isAttachedToWorkers : this.tabs.has(tabId);
  }

  /** From now on the debugger reports the requests that begin in this tab. */
  add(tabId: number): void {
    this.#handedOver.add(tabId);
    this.tabs.add(tabId);
  }

  takeBack(tabId: number): void {
    this.#handedOver.delete(tabId);
    this.tabs.delete(tabId);
    this.exchanges.release(tabId);
  }

  /** Whether the debugger records requests of service workers and shared workers, which have no tab. */
  set isAttachedToWorkers(is: boolean) {
    if (this.#isAttachedToWorkers && !is) this.exchanges.release(chrome.tabs.TAB_ID_NONE);
    this.#isAttachedToWorkers = is;
  }

  /** Whether webRequest finishes requests of this tab whose beginning the debugger has not seen. */
  ownsInFlight(tabId: number): boolean {
    return this.#handedOver.has(tabId);
  }

  /** Keeps webRequest's fields of a request that has begun. */
  see(tabId: number, url: string, { request_id: _, ...metadata }: Record<string, string>): void {
    remember(this.#seen, seenKey(tabId, url), { metadata, error: null }, MAX_SEEN);
    this.onSeen(tabId, url, metadata);
  }

  /** Returns webRequest's fields of a tab's last request to this address. */
  seen(tabId: number, url: string): Seen | undefined {
    return this.#seen.get(seenKey(tabId, url));
  }

  #publish(event: HeldEvent, onCommitted: () => void): void {
    const publish = (recorder: Recorder): void => {
      const seq = recorder.publish(withRequestId(event.input, event.requestId));
      recorder.committed(seq).then(onCommitted, () => {});
    };
    this.owner.record("network", (recorder) => {
      if (!event.isRestored) return publish(recorder);
      // The worker before may have committed it in the moment in which it was killed.
      isRecorded(recorder, event)
        .catch(() => false)
        .then((isDone) => (isDone ? onCommitted() : this.owner.record("network", publish)));
    });
  }
}

/** Whether the session has a step of a request already. */
async function isRecorded(
  recorder: Recorder,
  { input, webRequestId, requestId }: HeldEvent,
): Promise<boolean> {
  const selector = `type:${input.type} since:${input.ts} until:${input.ts}`;
  const reader = await recorder.reader({ selector });
  for (;;) {
    const result = reader.tryRead();
    if (result === null || "closed" in result) return false;
    if (!("envelope" in result)) continue;
    const id = result.envelope.event.source.metadata?.request_id;
    if (id !== undefined && (id === webRequestId || id === requestId)) return true;
  }
}

function withRequestId(input: EventInput, requestId: string | null): EventInput {
  if (requestId === null) return input;
  const { source } = input;
  const cause = source?.metadata?.cause_id === undefined ? {} : { cause_id: requestId };
  return {
    ...input,
    source: { ...source, metadata: { ...source?.metadata, request_id: requestId, ...cause } },
  };
}

/** A map's key for an address that a tab has asked for. */
export function seenKey(tabId: number, url: string): string {
  return `${tabId}:${beginning(url, MAX_URL_BYTES)}`;
}
