/** The page that asks whether this browser may deliver to the collector of an invitation. */
import { signal } from "@preact/signals";
import { render } from "preact";
import "../../www/src/theme.css";
import { command } from "../popup/command.ts";
import { Pin } from "../popup/pin.tsx";
import { problem, record, refreshPinned } from "../popup/state.ts";
import { type Invitation, readInvitation, shortCode } from "./invitation.ts";
import "./pair.css";

type State =
  | { at: "asking" | "pairing" | "declined" }
  | { at: "paired"; isRecording: boolean }
  | { at: "failed"; why: string };

const state = signal<State>({ at: "asking" });

async function accept(invitation: Invitation): Promise<void> {
  state.value = { at: "pairing" };
  try {
    await command({ command: "pair", ...invitation });
    const { recording } = await command({ command: "status" });
    await refreshPinned();
    state.value = { at: "paired", isRecording: recording };
  } catch (error) {
    state.value = { at: "failed", why: (error as Error).message };
  }
}

function Pair({ invitation, code }: { invitation: Invitation; code: string }) {
  const now = state.value;
  const host = invitation.url.slice("http://".length);
  if (now.at === "paired") return <Paired host={host} isRecording={now.isRecording} />;
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
function Paired({ host, isRecording }: { host: string; isRecording: boolean }) {
  const begin = async () => {
    await record("all");
    if (problem.value === null) state.value = { at: "paired", isRecording: true };
  };
  return (
    <>
      <h1>Paired with {host}</h1>
      <p role="status">
        {isRecording
          ? "This browser is recording, and its events arrive there."
          : "Nothing is recorded yet. To record one site, open it, click the Tabtape icon and press “Record this site”."}
      </p>
      {problem.value === null ? null : <p class="problem">{problem.value}</p>}
      <div class="row next">
        {isRecording ? (
          <button type="button" class="accept" onClick={() => void command({ command: "open_viewer" })}>
            Open viewer
          </button>
        ) : (
          <button type="button" class="accept" onClick={() => void begin()}>
            Record all sites
          </button>
        )}
      </div>
      <Pin />
    </>
  );
}

async function main(root: HTMLElement): Promise<void> {
  const invitation = readInvitation(decodeURIComponent(location.hash.slice(1)));
  // The code must not stay in the address bar or in the history.
  history.replaceState(null, "", location.pathname);
  if (invitation === null) {
    render(
      <p class="problem">This address is not an invitation. Run this in a terminal: tabtape pair</p>,
      root,
    );
    return;
  }
  render(<Pair invitation={invitation} code={await shortCode(invitation)} />, root);
}

const root = document.getElementById("pair");
if (root !== null) void main(root);
