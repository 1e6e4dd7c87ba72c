/** Where the events go, and what mends it when they do not. */
import { ago, count } from "../../www/src/data/time.ts";
import type { RecorderNow } from "./state.ts";

interface Told {
  tone: "ok" | "wait" | "bad" | "none";
  what: string;
  mend?: string;
  /** What to type in a terminal. */
  run?: string;
}

function tell({ collector, backlog_events }: RecorderNow): Told {
  const host = (collector.url ?? "").replace("http://", "");
  const waiting = `${count(backlog_events)} records wait here until it answers.`;
  switch (collector.state) {
    case "ok":
      return { tone: "ok", what: `Delivering to ${host}` };
    case "connecting":
      return { tone: "wait", what: `Connecting to ${host}` };
    case "retrying":
      return { tone: "wait", what: `No answer from ${host}`, mend: waiting, run: "tabtape serve" };
    case "unauthorized":
      return {
        tone: "bad",
        what: `${host} refuses this browser`,
        mend: `Pair again. ${count(backlog_events)} records wait here.`,
        run: "tabtape pair",
      };
    case "impostor":
      return {
        tone: "bad",
        what: `Something else listens at ${host}`,
        mend: `It does not know the secret of the pairing, so it was sent nothing. ${count(backlog_events)} records wait here.`,
        run: "tabtape serve",
      };
    default:
      return {
        tone: "none",
        what: "No collector",
        mend: "Events are kept in this browser, where the viewer reads them. To keep more:",
        run: "tabtape pair",
      };
  }
}

export function Collector({ recorder }: { recorder: RecorderNow }) {
  const { tone, what, mend, run } = tell(recorder);
  const { last_ack_ts, error } = recorder.collector;
  return (
    <section class={`collector tone-${tone}`} aria-label="Collector">
      <p class="collector-what">
        <span class="light" aria-hidden="true" />
        <span>{what}</span>
        {tone === "ok" && last_ack_ts !== null ? (
          <span class="aside">{ago(last_ack_ts, Date.now() * 1000)}</span>
        ) : null}
      </p>
      {mend === undefined ? null : <p class="quiet">{mend}</p>}
      {run === undefined ? null : (
        <p class="quiet">
          In a terminal: <code>{run}</code>
        </p>
      )}
      {tone === "bad" && error !== null ? <p class="quiet">{error}</p> : null}
    </section>
  );
}
