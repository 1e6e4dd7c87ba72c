/**
 * Keeps the worker alive while it has something to deliver, and has it woken for what a dead one left.
 *
 * A worker dies 30 s after its last extension event or API call, whatever it is doing: while a backlog drains, a call
 * every 20 s counts as one. The alarm is there only while there is a backlog, so an idle worker sleeps.
 */
import type { RecorderStatus } from "../../../src/web/types.ts";

export const BACKLOG_ALARM = "tabtape_backlog";
const KEEP_ALIVE_MS = 20_000;
/** The shortest period chrome.alarms has. */
const ALARM_MINUTES = 0.5;

export class KeepAlive {
  #beat: ReturnType<typeof setInterval> | null = null;
  #alarmed: boolean | null = null;

  /** At top level of the worker, as alarms do not survive a browser restart. */
  async arm(): Promise<void> {
    if ((await chrome.alarms.get(BACKLOG_ALARM)) === undefined) await this.#setAlarm(true);
    else this.#alarmed = true;
  }

  follow(status: RecorderStatus): void {
    const waits = status.backlog_events > 0 && status.collector.state !== "none";
    const flows = waits && (status.collector.state === "ok" || status.collector.state === "connecting");
    if (flows && this.#beat === null) {
      this.#beat = setInterval(() => void chrome.runtime.getPlatformInfo(), KEEP_ALIVE_MS);
    } else if (!flows && this.#beat !== null) {
      clearInterval(this.#beat);
      this.#beat = null;
    }
    if (waits !== this.#alarmed) void this.#setAlarm(waits);
  }

  stop(): void {
    if (this.#beat !== null) clearInterval(this.#beat);
    this.#beat = null;
    void this.#setAlarm(false);
  }

  async #setAlarm(wanted: boolean): Promise<void> {
    this.#alarmed = wanted;
    if (wanted) await chrome.alarms.create(BACKLOG_ALARM, { periodInMinutes: ALARM_MINUTES });
    else await chrome.alarms.clear(BACKLOG_ALARM);
  }
}
