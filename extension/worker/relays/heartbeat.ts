/**
 * Confirms from time to time that nothing is missing so far, for the case that the whole browser is killed: then no
 * part is left to say what the documents had not sent. See `WatchedUntil`.
 *
 * A beat asks every known relay whether it has sent everything. After `ANSWER_MS` it waits until all that
 * was received is committed, and stores the time at which it asked, with the documents that have not answered. A
 * document that has just begun is not asked: what it had said when the others were asked has arrived by then. While
 * nothing is recorded, there is no beat.
 */
import type { RecorderStatus } from "../../../src/web/types.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { LostRelays } from "./lost_relays.ts";
import type { RelayPorts } from "./ports.ts";

/** From the first record that no beat has confirmed until the beat. */
const BEAT_AFTER_MS = 3_000;
/** A relay answers in milliseconds, unless its page is busy. */
const ANSWER_MS = 2_000;

export class Heartbeat {
  #session = "";
  #confirmedSeq = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly owner: RecorderOwner,
    private readonly lost: LostRelays,
    private readonly ports: () => RelayPorts,
  ) {}

  /** A session has begun, of which nothing is confirmed. */
  begin(): Promise<void> {
    return this.#confirm(Date.now() - BEAT_AFTER_MS, []);
  }

  onStatus({ session_id, committed_seq, latest_seq }: RecorderStatus): void {
    if (session_id !== this.#session) {
      this.#session = session_id;
      this.#confirmedSeq = 0;
    }
    if (Math.max(committed_seq, latest_seq) > this.#confirmedSeq) this.#beatLater();
  }

  #beatLater(): void {
    this.#timer ??= setTimeout(() => {
      void this.#beat().finally(() => {
        this.#timer = null;
        const { recorder } = this.owner;
        if (recorder !== null) this.onStatus(recorder.status());
      });
    }, BEAT_AFTER_MS);
  }

  async #beat(): Promise<void> {
    const { recorder } = this.owner;
    if (recorder === null) return;
    const { committed_seq } = recorder.status();
    const pingedMs = Date.now();
    this.ports().ping(this.lost.startPing());
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
    try {
      await recorder.committed();
    } catch {
      // It was closed, or replaced: the next one beats.
      return;
    }
    const behind = this.lost.behind(pingedMs * 1_000);
    if (this.owner.recorder !== recorder) return;
    // Also if it fails: the next record brings the next beat.
    this.#confirmedSeq = committed_seq;
    await this.#confirm(pingedMs, behind);
  }

  async #confirm(ms: number, behind: ReturnType<LostRelays["behind"]>): Promise<void> {
    try {
      await this.owner.recorder?.confirmWatched({ until_ts: ms * 1_000, behind });
    } catch (error) {
      console.error("tabtape: heartbeat", error);
    }
  }
}
