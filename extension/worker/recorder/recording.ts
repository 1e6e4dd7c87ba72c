/**
 * Recording on and off, and everything that follows from it: recorder, content scripts, badge, alarm.
 *
 * The one owner of the settings. Whatever changes them does it here, is written down before it takes effect in the
 * browser, and shows in the stream (`system.config_changed` is the core's).
 */
import { captureConfig, openLogReader, type RedactionRules } from "../../../src/web/index.ts";
import type {
  CaptureConfig,
  CaptureConfigPatch,
  CollectorTarget,
  Recorder,
  RecorderStatus,
  WorkerStart,
} from "../../../src/web/types.ts";
import type { Status } from "../../protocol.ts";
import type { Host } from "../host.ts";
import { InTurn } from "../in_turn.ts";
import { merge } from "../state/merge.ts";
import {
  checkCollector,
  DEFAULT_SETTINGS,
  loadSettings,
  type Settings,
  saveSettings,
} from "../state/settings.ts";
import type { BadgeState } from "./badge.ts";
import type { KeepAlive } from "./keep_alive.ts";
import { RecorderOwner } from "./recorder.ts";
import type { Registration } from "./registration.ts";
import type { Scope } from "./scope.ts";

/** In `chrome.storage.session`: the lowered levels, as JSON, that the content scripts were last brought in line with. */
const LOWERED_KEY = "tabtape_lowered";
const NOTHING_LOWERED = "[]";
/** How long a stop waits for the collector to take what is left. */
const STOP_FLUSH_MS = 3_000;

/** A part of the worker that runs only while something is recorded. */
export interface RecordingFollower {
  /** A session has begun, not merely its next worker. */
  recordingStarted(): Promise<void>;
  /** Recording ends. If a person has ended it, events published here are still recorded. */
  recordingEnded(): Promise<void>;
}

/** Settings whose change is an event of ours; the core publishes changes of the capture config. */
type RecordedSettings = Pick<
  Settings,
  | "approved_extensions"
  | "debugger_all_tabs"
  | "redaction"
  | "retroactive_detail"
  | "retroactive_selector"
  | "screenshot_on_action"
  | "screenshot_on_error"
  | "source_maps"
>;

export class Recording {
  /** State of the last worker, to be restored before waiting observations are recorded. */
  readonly preparations: (() => Promise<void>)[] = [];
  /** The last preparation, which needs the others. */
  lastPreparation: () => Promise<void> = () => Promise.resolve();
  readonly followers: RecordingFollower[] = [];
  /** Called when it has changed which events call for details. */
  onDetailsChanged: (recorder: Recorder) => void = () => {};
  #settings: Settings = DEFAULT_SETTINGS;
  #status: RecorderStatus | null = null;
  #failure: string | null = null;
  /** One after the other: a stop that is still flushing would close the recorder that a start has opened meanwhile. */
  readonly #turns = new InTurn();
  #shown = "";
  /** As under {@link LOWERED_KEY}; an earlier worker's until the first status of this one. */
  #lowered = NOTHING_LOWERED;

  constructor(
    private readonly host: Host,
    private readonly owner: RecorderOwner,
    private readonly scope: Scope,
    private readonly registration: Registration,
    private readonly keepAlive: KeepAlive,
  ) {}

  get settings(): Settings {
    return this.#settings;
  }

  get isOn(): boolean {
    return this.#settings.recording && this.#failure === null;
  }

  get status(): Pick<Status, "recording" | "failure" | "recorder"> {
    const { recorder } = this.owner;
    return {
      recording: this.isOn,
      failure: this.#failure,
      recorder: recorder?.status() ?? this.#status,
    };
  }

  /** The present capture config, or that of the next recording. */
  async config(): Promise<CaptureConfig> {
    await this.owner.loadCore();
    return this.owner.recorder?.config ?? captureConfig(this.settings.capture);
  }

  /** The worker has started: continue the last recording. `reason`, as in `WorkerStart`, is known a little later. */
  async begin(reason: () => WorkerStart["reason"]): Promise<void> {
    try {
      this.#settings = await loadSettings(this.host.preconfiguration());
    } catch (error) {
      this.owner.discardQueue();
      await this.#fail((error as Error).message);
      throw error;
    }
    this.scope.setCollector(this.#settings.collector?.url ?? null);
    if (this.#settings.recording) {
      // Not waited for: all tabs wait for this worker to have begun, and some tab may not answer.
      if (await this.#open(reason)) void this.#reachTabs();
    } else {
      this.owner.discardQueue();
      this.keepAlive.stop();
      await Promise.all([this.registration.remove(), this.#show("stopped")]);
    }
  }

  start(): Promise<void> {
    return this.#turns.run(() => this.#start());
  }

  stop(): Promise<void> {
    return this.#turns.run(() => this.#stop());
  }

  async #start(): Promise<void> {
    if (this.isOn && this.owner.recorder !== null) return;
    this.#failure = null;
    await this.#change({ recording: true });
    await this.#open(() => "recording_started");
    await this.#reachTabs();
  }

  async #stop(): Promise<void> {
    await this.#notifyListeners("recordingEnded");
    await this.#change({ recording: false });
    await this.#show("stopped");
    await Promise.all([this.registration.remove(), this.registration.broadcast({ kind: "stop" })]);
    const { recorder } = this.owner;
    if (recorder !== null && this.settings.collector !== null) {
      await Promise.race([
        recorder.flush().catch(() => {}),
        new Promise((done) => setTimeout(done, STOP_FLUSH_MS)),
      ]);
    }
    await this.owner.close();
    this.keepAlive.stop();
  }

  /** Applies a merge patch to the capture config, live. */
  async configure(patch: CaptureConfigPatch): Promise<CaptureConfig> {
    await this.owner.loadCore();
    const { recorder } = this.owner;
    const capture = merge(this.settings.capture, patch) as CaptureConfigPatch;
    // The core checks the patch and refuses it as a whole: only then is it kept.
    const config = recorder === null ? captureConfig(capture) : recorder.configure(patch);
    this.owner.setCapture(capture);
    await this.#change({ capture });
    if (recorder === null || !this.isOn) return config;
    await this.#applyConfig(recorder);
    if (patch.sites !== undefined) await this.registration.injectIntoOpenTabs(recorder);
    return config;
  }

  async #applyConfig(recorder: Recorder): Promise<void> {
    const message = { kind: "config", config: this.registration.configOf(recorder) } as const;
    // Documents that run hear of it at once, and those that begin with the earlier scripts after that.
    await Promise.all([this.registration.broadcast(message), this.registration.apply(recorder)]);
    await this.registration.broadcast(message);
  }

  /** Follows the levels that the load has lowered or raised. A worker begins with none lowered. */
  async #followLoad(status: RecorderStatus): Promise<void> {
    const lowered = JSON.stringify(status.lowered);
    const { recorder } = this.owner;
    if (lowered === this.#lowered || recorder === null) return;
    this.#lowered = lowered;
    try {
      await chrome.storage.session.set({ [LOWERED_KEY]: lowered });
      await this.#applyConfig(recorder);
    } catch (error) {
      console.error("tabtape: could not follow the load", error);
    }
  }

  /** Redacts every later event by other rules. The core checks them, and only then are they stored. */
  async redact(redaction: RedactionRules): Promise<void> {
    await this.owner.setRedaction(redaction);
    await this.change({ redaction });
  }

  async connect(collector: CollectorTarget | null): Promise<void> {
    if (collector !== null) checkCollector(collector);
    await this.#change({ collector });
    this.scope.setCollector(collector?.url ?? null);
    this.owner.setCollector(collector);
    if (this.owner.recorder !== null) await this.registration.apply(this.owner.recorder);
  }

  /** Resolves when the collector has everything committed so far. */
  async flush(): Promise<void> {
    if (this.owner.recorder === null) throw new Error("nothing is being recorded");
    await this.owner.recorder.flush();
  }

  /** Takes what a selector wants out of ring and logs; tells how many events those were. */
  async forget(selector: string): Promise<number> {
    const { recorder } = this.owner;
    if (recorder !== null) return recorder.forget(selector);
    await this.owner.loadCore();
    const logs = await openLogReader();
    try {
      return await logs.forget(selector);
    } finally {
      logs.close();
    }
  }

  async change(patch: Partial<RecordedSettings>): Promise<void> {
    await this.#change(patch);
    this.owner.publish({
      type: "system.settings_changed",
      category: "system",
      source: { kind: "extension", event: "tabtape.settings" },
      data: { patch },
    });
  }

  /** Keeps details in pages or not, and hands them over for events that `selector` matches, too. */
  async keepDetails(on: boolean, selector: string): Promise<void> {
    const { recorder } = this.owner;
    // The core refuses a selector that is wrong, and only then is it stored.
    if (selector !== "") await recorder?.reader({ selector });
    await this.change({ retroactive_detail: on, retroactive_selector: selector });
    if (recorder === null || !this.isOn) return;
    this.onDetailsChanged(recorder);
    await this.#applyConfig(recorder);
  }

  /** Sends the present config to the documents of a tab, which may have been out of reach when it changed. */
  async tellTab(tabId: number): Promise<void> {
    const { recorder } = this.owner;
    if (!this.isOn) await this.registration.tell(tabId, { kind: "stop" });
    else if (recorder !== null)
      await this.registration.tell(tabId, { kind: "config", config: this.registration.configOf(recorder) });
  }

  onStatus(status: RecorderStatus): void {
    this.#status = status;
    // The last status of a recorder that is being closed must not be shown.
    if (!this.isOn) return;
    void this.#followLoad(status);
    this.keepAlive.follow(status);
    const { state, error } = status.collector;
    const mend = state === "unauthorized" || state === "impostor" ? (error ?? state) : null;
    const problem = status.state === "volatile" ? "the log cannot be written" : mend;
    void (problem === null ? this.#show("recording") : this.#show("error", problem));
  }

  /** Recording ended by itself, and stays ended until a person starts it again. */
  async onFailed(reason: string): Promise<void> {
    await this.#fail(reason === "trap" ? "the recorder crashed three times in a minute" : reason);
    await this.#notifyListeners("recordingEnded");
    await this.registration.remove();
    await this.registration.broadcast({ kind: "stop" });
  }

  /** Whether a session has begun, and not merely its next worker. */
  async #open(reasonOf: () => WorkerStart["reason"]): Promise<boolean> {
    try {
      // All at once: what a worker was woken for waits until it is open.
      const before = this.#prepare();
      const [resume, { [LOWERED_KEY]: lowered }] = await Promise.all([
        RecorderOwner.resumable(),
        chrome.storage.session.get(LOWERED_KEY),
        this.owner.loadCore(),
      ]);
      this.#lowered = typeof lowered === "string" ? lowered : NOTHING_LOWERED;
      const reason = reasonOf();
      const isWake = resume?.session_id != null && reason !== "recording_started";
      // Not before: a person may have changed them meanwhile.
      const why = isWake ? "wake" : reason;
      const recorder = await this.owner.open({ ...this.settings, reason: why, resume, before });
      await this.#show("recording");
      // A worker that was only woken finds its scripts as it left them.
      if (isWake) return false;
      await this.registration.apply(recorder);
      return true;
    } catch (error) {
      this.owner.discardQueue();
      await this.#fail((error as Error).message ?? String(error));
      throw error;
    }
  }

  /** The tabs that are open when a session begins. */
  async #reachTabs(): Promise<void> {
    const { recorder } = this.owner;
    await Promise.all([
      recorder === null ? undefined : this.registration.injectIntoOpenTabs(recorder),
      this.#notifyListeners("recordingStarted"),
    ]).catch((error: unknown) => console.error("tabtape: open tabs", error));
  }

  /** Runs the preparations. One that fails leaves metadata out, which is no reason not to record. */
  async #prepare(): Promise<void> {
    const report = (error: unknown): void => console.error("tabtape: not prepared", error);
    await Promise.all(this.preparations.map((prepare) => prepare().catch(report)));
    await this.lastPreparation().catch(report);
  }

  async #notifyListeners(what: keyof RecordingFollower): Promise<void> {
    await Promise.all(
      this.followers.map((follower) =>
        follower[what]().catch((error: unknown) => console.error(`tabtape: ${what}`, error)),
      ),
    );
  }

  /** Shows what is not shown already. That it cannot be shown is no reason not to record. */
  async #show(state: BadgeState, detail?: string): Promise<void> {
    const shown = `${state} ${detail ?? ""}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    try {
      await this.host.show(state, detail);
    } catch (error) {
      console.error("tabtape: could not show its state", error);
    }
  }

  async #fail(failure: string): Promise<void> {
    this.#failure = failure;
    await this.#show("error", failure);
  }

  async #change(changes: Partial<Settings>): Promise<void> {
    this.#settings = { ...this.settings, ...changes };
    await saveSettings(this.#settings);
  }
}
