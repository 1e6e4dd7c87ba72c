/** Reads the network records of a session, and those that come later, into a table of requests. */
import { type Signal, signal } from "@preact/signals";
import { eventsIn } from "../data/record";
import type { DataSource, Query } from "../data/source";
import { RequestTable } from "./requests";

/** Network records that are read at most: the newest. */
const MOST_RECORDS = 20_000;
const PAGE_LINES = 2_000;
const RETRY_MS = 1_000;

export class RequestReader {
  readonly table = new RequestTable();
  /** Raised when rows were added or changed. */
  readonly version = signal(0);
  /** Whether older records exist than those that were read. */
  readonly hasOlder = signal(false);
  /** Why the last request to the source failed. */
  readonly error: Signal<string | null> = signal(null);
  readonly #abort = new AbortController();
  #cursor: string | null = null;

  constructor(
    private readonly source: DataSource,
    private readonly query: Query,
  ) {}

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { signal: stop } = this.#abort;
    let hasBegun = false;
    while (!stop.aborted) {
      try {
        if (!hasBegun) {
          this.#cursor = await this.source.nearEnd(this.query, MOST_RECORDS, stop);
          this.hasOlder.value = this.#cursor !== null;
          hasBegun = true;
        }
        await this.#readStored(stop);
        for await (const page of this.source.follow(this.query, this.#cursor, stop)) this.#take(page);
      } catch (error) {
        if (stop.aborted) return;
        this.error.value = error instanceof Error ? error.message : String(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #readStored(stop: AbortSignal): Promise<void> {
    for (;;) {
      const page = await this.source.read(this.query, this.#cursor, PAGE_LINES, stop);
      this.#take(page);
      if (page.end) return;
    }
  }

  #take({ lines, next }: { lines: string[]; next: string | null }): void {
    if (this.#abort.signal.aborted) return;
    this.error.value = null;
    for (const envelope of eventsIn(lines)) this.table.add(envelope);
    this.#cursor = next ?? this.#cursor;
    if (lines.length > 0) this.version.value++;
  }
}
