/** The page that asks whether this browser may deliver to the collector of an invitation. */
import { signal } from "@preact/signals";
import { render } from "preact";
import "../../www/src/theme.css";
import { command } from "../popup/command.ts";
import { Late } from "../popup/late.tsx";
import { Pin } from "../popup/pin.tsx";
import { findLastTab, problem, record, run, site, status, watch } from "../popup/state.ts";
import { type Invitation, readInvitation, shortCode } from "./invitation.ts";
import "./pair.css";

type State = { at: "asking" | "pairing" | "declined" | "paired" } | { at: "failed"; why: string };

const state = signal<State>({ at: "asking" });

async function accept(invitation: Invitation): Promise<void> {
  state.value = { at: "pairing" };
  try {
    await command({ command: "pair", ...invitation });
    await watch(() => findLastTab(hostOf(invitation)));
    state.value = { at: "paired" };
  } catch (error) {
    state.value = { at: "failed", why: (error as Error).message };
  }
}

const hostOf = ({ url }: Invitation) => url.slice("http://".length);

function Pair({ invitation, code }: { invitation: Invitation; code: string }) {
  const now = state.value;
  const host = hostOf(invitation);
  if (now.at === "paired") return <Paired host={host} />;
  if (now.at === "declined") return <h1>Not paired. Nothing was sent.</h1>;
  return (
    <>
      <h1>Deliver to {host}?</h1>
      <p>The events that this browser records will be sent there. The terminal must show the same code:</p>
      <p class="code">{code}</p>
      {now.at === "failed" ? <p class="problem">{now.why}</p> : null}
      <div class="row">
        <button
          type="button"
          class="accept"
          disabled={now.at === "pairing"}
          onClick={() => void accept(invitation)}
        >
          The codes are the same: pair
        </button>
        <button type="button" onClick={() => (state.value = { at: "declined" })}>
          Do not pair
        </button>
      </div>
    </>
  );
}

/** Offers the next step: to record, or to look at the recording. */
function Paired({ host }: { host: string }) {
  const isRecording = status.value?.recording === true;
  return (
    <>
      <h1>Paired with {host}</h1>
      <p role="status">
        {isRecording ? "This browser is recording, and its events arrive there." : "Nothing is recorded yet."}
      </p>
      {problem.value === null ? null : <p class="problem">{problem.value}</p>}
      <Late tab={site.value ?? ""} />
      <div class="row next">
        {isRecording ? (
          <Next label="Open viewer" go={() => run({ command: "open_viewer" })} />
        ) : (
          <>
            {site.value === null ? null : <Next label={`Record ${site.value}`} go={() => record("site")} />}
            <Next label="Record all sites" go={() => record("all")} />
          </>
        )}
      </div>
      <Pin />
    </>
  );
}

function Next({ label, go }: { label: string; go: () => Promise<unknown> }) {
  return (
    <button type="button" onClick={() => void go()}>
      {label}
    </button>
  );
}

async function main(root: HTMLElement): Promise<void> {
  const invitation = readInvitation(decodeURIComponent(location.hash.slice(1)));
  // The code must not stay in the address bar or in the history.
  history.replaceState(null, "", location.pathname);
  if (invitation === null) {
    render(
      <p class="problem">
        This address is not an invitation, or was opened before. Open a new link from the terminal.
      </p>,
      root,
    );
    return;
  }
  render(<Pair invitation={invitation} code={await shortCode(invitation)} />, root);
}

const root = document.getElementById("pair");
if (root !== null) void main(root);
