/**
 * Creates the parts of a worker around one recorder, and registers every listener of the browser.
 *
 * All of them are registered before this returns, or the event that woke the worker is lost to it; each waits for
 * `ready`. No top-level await: with one the worker never becomes usable, and no error shows.
 */
import type { WorkerStart } from "../../src/web/types.ts";
import { RELAY_PORT } from "../protocol.ts";
import { ScriptErrors } from "./debugger/script_errors.ts";
import { WorkerErrors } from "./debugger/worker_errors.ts";
import type { Host } from "./host.ts";
import { DetailTriggers } from "./producers/detail_triggers.ts";
import { Marks } from "./producers/marks.ts";
import { Navigation } from "./producers/navigation.ts";
import { Network } from "./producers/network.ts";
import { PageIdleDetector } from "./producers/page_idle.ts";
import { PageRequests } from "./producers/page_requests.ts";
import { Publisher } from "./producers/publisher.ts";
import { Screenshots } from "./producers/screenshots.ts";
import { SourceMaps } from "./producers/source_maps.ts";
import { Tabs } from "./producers/tabs.ts";
import { BACKLOG_ALARM, KeepAlive } from "./recorder/keep_alive.ts";
import { RecorderOwner } from "./recorder/recorder.ts";
import { Recording } from "./recorder/recording.ts";
import { Registration } from "./recorder/registration.ts";
import { Scope } from "./recorder/scope.ts";
import { Heartbeat } from "./relays/heartbeat.ts";
import { LostRelays } from "./relays/lost_relays.ts";
import { RelayPorts } from "./relays/ports.ts";
import { Documents } from "./state/documents.ts";

export type RecorderWorker = ReturnType<typeof createWorker>;

export function createWorker(host: Host) {
  const scope = new Scope();
  const keepAlive = new KeepAlive();
  const owner = new RecorderOwner(host, {
    onWork: () => keepAlive.onWork(),
    onOpened: (recorder) => triggers.follow(recorder),
    onStatus: (status) => {
      recording.onStatus(status);
      heartbeat.onStatus(status);
    },
    onReplaced: () => relays.disconnectAll(),
    onFailed: (reason) => void recording.onFailed(reason),
  });
  const publisher = new Publisher(owner, scope);
  const tabs = new Tabs(publisher);
  const idle = new PageIdleDetector(publisher);
  const documents = new Documents(tabs);
  const navigation = new Navigation({
    publisher,
    tabs,
    documents,
    main: idle,
    onCameBack: (tabId) => void ready.then(() => recording.tellTab(tabId)).catch(() => {}),
  });
  const pageRequests: PageRequests = new PageRequests((tabId) => network.debugged.tabs.has(tabId));
  const network: Network = new Network(owner, scope, tabs, documents, idle, pageRequests);
  const workerErrors = new WorkerErrors((tabId) => network.debugged.hasWorkers(tabId));
  const scriptErrors = new ScriptErrors();
  const registration = new Registration(
    host,
    scope,
    () => recording.isOn,
    () => recording.settings.retroactive_detail,
  );
  const recording: Recording = new Recording(host, owner, scope, registration, keepAlive);
  const triggers = new DetailTriggers(
    () => recording.settings,
    (tabId) => void registration.tell(tabId, { kind: "hand_over" }),
  );
  recording.onDetailsChanged = (recorder) => triggers.follow(recorder);
  // One after the other: documents of tabs that are not known to be open are not mirrored again.
  recording.preparations.push(() => tabs.refill().then(() => documents.restore()));
  recording.lastPreparation = () => network.restore();
  const screenshots = new Screenshots(owner, scope, tabs, () => recording.settings);
  recording.preparations.push(() => screenshots.restore());
  const marks = new Marks(owner, scope, tabs, screenshots);
  const lost = new LostRelays({ owner, scope, publisher, isConnected: (relay) => relays.isConnected(relay) });
  recording.preparations.push(() => lost.restore());
  recording.preparations.push(() => pageRequests.restore());
  const relays: RelayPorts = new RelayPorts({
    owner,
    scope,
    tabs,
    documents,
    lost,
    sourceMaps: new SourceMaps(owner, scope, () => recording.settings.source_maps),
    pageRequests,
    workerErrors,
    scriptErrors,
    recording: () => recording.isOn,
    configOf: (recorder) => registration.configOf(recorder),
    screenshots,
  });

  const heartbeat = new Heartbeat(owner, lost, () => relays);
  recording.followers.push({
    recordingStarted: () => heartbeat.begin(),
    recordingEnded: () => Promise.resolve(),
  });

  /** Why this worker runs, as far as an event has said by the time the recorder opens. */
  let reason: WorkerStart["reason"] = "wake";
  chrome.runtime.onInstalled.addListener((details) => {
    reason = details.reason === "install" || details.reason === "update" ? details.reason : "browser_start";
  });
  chrome.runtime.onStartup.addListener(() => (reason = "browser_start"));

  /** Resolves when the recorder is open, if anything is to be recorded. */
  const ready: Promise<void> = Promise.resolve().then(async () => {
    await Promise.all([keepAlive.arm(), recording.begin(() => reason)]);
  });

  /** Resolves like `ready`, and also if that failed and a person has started the recorder since. */
  const begun = (): Promise<void> =>
    ready.catch((error: unknown) => {
      if (owner.recorder === null) throw error;
    });

  tabs.listen();
  navigation.listen();
  network.listen();
  idle.listen();
  lost.listen();
  screenshots.listen();
  chrome.runtime.onConnect.addListener((port) => {
    if (port.name === RELAY_PORT) relays.accept(port, begun());
  });
  chrome.alarms.onAlarm.addListener(({ name }) => {
    if (name !== BACKLOG_ALARM) return;
    // The recorder that `ready` opens drains what is left.
    void begun().then(
      () => {
        const isHolding = owner.isOpening || !network.debugged.heldSteps.isEmpty;
        keepAlive.onAlarm(owner.recorder?.status() ?? null, isHolding);
      },
      () => {},
    );
  });
  return {
    scope,
    owner,
    tabs,
    network,
    pageRequests,
    recording,
    marks,
    screenshots,
    documents,
    workerErrors,
    scriptErrors,
    ready,
    begun,
  };
}
