/**
 * Keeps the worker alive while it has something to deliver, and has it woken for what a dead one left.
 *
 * A worker dies 30 s after its last extension event or API call, whatever it is doing: while a backlog drains, a call
 * every 20 s counts as one.
 *
 * A worker can also be killed at any moment, so the alarm is set before anything is recorded, and not only when a
 * backlog is seen. It is cleared when it fires and everything is delivered: then the worker may sleep.
 */
import type { RecorderStatus } from "../../../src/web/types.ts";

export const BACKLOG_ALARM = "tabtape_backlog";
const KEEP_ALIVE_MS = 20_000;
/** The shortest period chrome.alarms has. */
const ALARM_MINUTES = 0.5;

export class KeepAlive {
  #beat: ReturnType<typeof setInterval> | null = null;
  #isArmed = false;

  /** At top level of the worker, as alarms do not survive a browser restart. */
  async arm(): Promise<void> {
    this.#isArmed = true;
    // Creating it anew would put it off.
    if ((await chrome.alarms.get(BACKLOG_ALARM)) === undefined) await createAlarm();
  }

  /** Something is about to be recorded or held. */
  onWork(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    void createAlarm();
  }

  /** The alarm has fired; `status` is the recorder's present one, `isHolding` says that something waits to be recorded. */
  onAlarm(status: RecorderStatus | null, isHolding: boolean): void {
    const isDone =
      status === null ||
      status.collector.state === "none" ||
      (status.collector.state !== "connecting" &&
        status.backlog_events === 0 &&
        status.committed_seq === status.latest_seq);
    if (isDone && !isHolding) this.#disarm();
  }

  follow(status: RecorderStatus): void {
    const { state } = status.collector;
    const waits = status.backlog_events > 0 && state !== "none";
    // Without a new event: a collector has been connected, or the recorder itself has reported something.
    if (waits) this.onWork();
    const flows = waits && (state === "ok" || state === "connecting");
    if (flows && this.#beat === null) {
      this.#beat = setInterval(() => void chrome.runtime.getPlatformInfo(), KEEP_ALIVE_MS);
    } else if (!flows && this.#beat !== null) {
      clearInterval(this.#beat);
      this.#beat = null;
    }
  }

  stop(): void {
    if (this.#beat !== null) clearInterval(this.#beat);
    this.#beat = null;
    this.#disarm();
  }

  #disarm(): void {
    this.#isArmed = false;
    void chrome.alarms.clear(BACKLOG_ALARM);
  }
}

async function createAlarm(): Promise<void> {
  await chrome.alarms.create(BACKLOG_ALARM, { periodInMinutes: ALARM_MINUTES });
}
