/**
 * In the page: other recorders, each as its own documentation sets it up to send what the console says. Each takes the
 * address that its events go to, and returns what sends the last ones.
 */
import { datadogLogs } from "@datadog/browser-logs";
import { getRecordConsolePlugin } from "@rrweb/rrweb-plugin-console-record";
import * as Sentry from "@sentry/browser";
import * as rrwebRecorder from "rrweb";

export function rrweb(sink) {
  let events = [];
  const plugins = [getRecordConsolePlugin({ level: ["log"], lengthThreshold: 1_000_000 })];
  rrwebRecorder.record({ emit: (event) => events.push(event), plugins });
  const send = () => {
    if (events.length > 0) fetch(sink, { method: "POST", body: JSON.stringify({ events }) });
    events = [];
  };
  setInterval(send, 1_000);
  return send;
}

export function sentry(sink) {
  Sentry.init({
    dsn: `http://key@${location.host}/1`,
    tunnel: sink,
    enableLogs: true,
    integrations: [Sentry.consoleLoggingIntegration({ levels: ["log"] })],
  });
  return () => Sentry.flush();
}

export function datadog(sink) {
  datadogLogs.init({
    clientToken: "bench",
    proxy: sink,
    forwardConsoleLogs: ["log"],
    sessionSampleRate: 100,
  });
  return () => document.dispatchEvent(new Event("visibilitychange"));
}
