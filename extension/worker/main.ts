/**
 * The service worker. Every listener is registered here, at once, or the event that woke the worker is lost to it;
 * each of them waits for `ready`. No top-level await: with one the worker never becomes usable, and no error shows.
 */
import { DebuggerProducer } from "./debugger.ts";
import { BACKLOG_ALARM, Drain } from "./drain.ts";
import { External } from "./external.ts";
import { Idle } from "./idle.ts";
import { Marks } from "./marks.ts";
import { listenToPages } from "./messages.ts";
import { Navigation } from "./navigation.ts";
import { Network } from "./network.ts";
import { PairingWatch } from "./pairing.ts";
import { RelayPorts } from "./ports.ts";
import { RecorderOwner } from "./recorder.ts";
import { Recording } from "./recording.ts";
import { Registration } from "./registration.ts";
import { Scope } from "./scope.ts";
import { Tabs } from "./tabs.ts";

const scope = new Scope();
const drain = new Drain();
const owner = new RecorderOwner({
  onStatus: (status) => recording.onStatus(status),
  onReplaced: () => relays.disconnectAll(),
  onFailed: (reason) => void recording.onFailed(reason),
});
const tabs = new Tabs(owner, scope);
const idle = new Idle(owner, scope);
const navigation = new Navigation(owner, scope, tabs, idle);
const network = new Network(owner, scope, tabs, navigation, idle);
const registration = new Registration(scope);
const recording = new Recording(owner, scope, tabs, registration, drain);
const marks = new Marks(owner, scope, tabs);
const relays = new RelayPorts({
  owner,
  scope,
  tabs,
  navigation,
  recording: () => recording.isOn,
  onException: (tabId) => {
    if (recording.settings.screenshot_on_error) void marks.screenshotOfError(tabId);
  },
});
const external = new External(owner, (id) => recording.settings.approved_extensions.includes(id));
// The store build has no `debugger` permission, and then not its API.
const debug =
  chrome.debugger === undefined
    ? null
    : new DebuggerProducer(owner, scope, tabs, network, (on) => recording.change({ debugger_all_tabs: on }));

/** Why this worker runs, as far as an event has said by the time the recorder opens. */
let reason = "wake";
chrome.runtime.onInstalled.addListener((details) => {
  reason = details.reason === "install" || details.reason === "update" ? details.reason : "browser_start";
});
chrome.runtime.onStartup.addListener(() => {
  reason = "browser_start";
});

const ready: Promise<void> = Promise.resolve().then(async () => {
  await Promise.all([drain.arm(), recording.begin(() => reason)]);
  await debug?.resume();
});
ready.catch((error: unknown) => console.error("tabtape: could not begin", error));

tabs.listen();
navigation.listen();
network.listen();
idle.listen();
external.listen(ready);
new PairingWatch().listen();
debug?.listen(ready, () => recording.settings.debugger_all_tabs);
listenToPages({ recording, marks, external, debug }, ready);

chrome.runtime.onConnect.addListener((port) => {
  if (port.name === "relay") relays.accept(port, ready);
});
// Being woken is all it takes: the recorder that `ready` opens drains what is left.
chrome.alarms.onAlarm.addListener(({ name }) => {
  if (name === BACKLOG_ALARM) void ready;
});
chrome.commands?.onCommand.addListener((command) => {
  void ready.then(async () => {
    if (command === "mark") await marks.mark("");
    if (command === "screenshot") await marks.screenshot("hot_key");
  });
});
