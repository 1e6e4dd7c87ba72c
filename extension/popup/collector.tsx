/** The collector's state, and the remedy if events are not delivered. */
import { ago, count } from "../../www/src/data/time.ts";
import type { Status } from "../protocol.ts";
import type { RecorderNow } from "./state.ts";

interface Connection {
  tone: "ok" | "wait" | "bad" | "none";
  what: string;
  mend?: string;
  /** A command for a terminal in Tabtape's folder. It need not be on PATH. */
  run?: string;
}

/** The address of a collector that was started without `--listen`. */
const DEFAULT_HOST = "127.0.0.1:28273";

const NONE: Connection = {
  tone: "none",
  what: "No collector, so the events stay in this browser",
  run: "npm start -- --no-browser",
};

function connectionOf({ collector, backlog_events }: RecorderNow): Connection {
  const host = hostOf(collector.url);
  const serve = `npx tabtape serve${host === DEFAULT_HOST ? "" : ` --listen ${host}`}`;
  const waiting = waitHere(backlog_events);
  switch (collector.state) {
    case "ok":
      return { tone: "ok", what: `Delivering to ${host}` };
    case "connecting":
      return { tone: "wait", what: `Connecting to ${host}` };
    case "retrying":
      return {
        tone: "wait",
        what: `No answer from ${host}`,
        mend: `${waiting} until it answers.`,
        run: serve,
      };
    case "unauthorized":
      return {
        tone: "bad",
        what: `${host} refuses this browser`,
        mend: `Pair again. ${waiting}.`,
        run: "npx tabtape pair",
      };
    case "impostor":
      return {
        tone: "bad",
        what: `Something else listens at ${host}`,
        mend: `It does not have the secret of the pairing, so nothing was sent to it. ${waiting}.`,
        run: serve,
      };
    default:
      return NONE;
  }
}

/** Returns the state while nothing is recorded. Nothing is delivered then, so a problem stays until recording starts. */
function idleConnection({ collector_url, recorder }: Status): Connection {
  if (collector_url === null) return NONE;
  const state = recorder?.collector.url === collector_url ? recorder.collector.state : null;
  if (recorder !== null && (state === "retrying" || state === "unauthorized" || state === "impostor"))
    return connectionOf(recorder);
  const what = `Paired with ${hostOf(collector_url)}`;
  const waiting = recorder?.backlog_events ?? 0;
  return waiting === 0
    ? { tone: "none", what }
    : { tone: "none", what, mend: `${waitHere(waiting)} until recording continues.` };
}

function waitHere(records: number): string {
  return records === 1 ? "1 record waits here" : `${count(records)} records wait here`;
}

function hostOf(url: string | null): string {
  return (url ?? "").replace("http://", "");
}

export function Collector({ now }: { now: Status }) {
  const { recording, recorder } = now;
  const { tone, what, mend, run } =
    recording && recorder !== null ? connectionOf(recorder) : idleConnection(now);
  const { last_ack_ts = null, error = null } = recorder?.collector ?? {};
  return (
    <section class={`collector tone-${tone}`} aria-label="Collector">
      <p class="collector-what">
        <span class="light" aria-hidden="true" />
        <span>{what}</span>
        {tone === "none" || last_ack_ts === null ? null : (
          <span class="aside" title="The collector's last acknowledgement of stored records">
            {tone === "ok" ? "" : "last ack "}
            {ago(last_ack_ts, Date.now() * 1000)}
          </span>
        )}
      </p>
      {mend === undefined ? null : <p class="quiet">{mend}</p>}
      {run === undefined ? null : (
        <p class="quiet">
          In Tabtape's folder: <code>{run}</code>
        </p>
      )}
      {tone === "bad" && error !== null ? <p class="quiet">{error}</p> : null}
    </section>
  );
}
