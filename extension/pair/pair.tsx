/** The page that asks whether this browser may deliver to the collector of an invitation. */
import { signal } from "@preact/signals";
import { render } from "preact";
import "../../www/src/theme.css";
import { command } from "../popup/command.ts";
import { type Invitation, readInvitation, shortCode } from "./invitation.ts";
import "./pair.css";

type State = { at: "asking" | "pairing" | "paired" | "declined" } | { at: "failed"; why: string };

const state = signal<State>({ at: "asking" });

async function accept(invitation: Invitation): Promise<void> {
  state.value = { at: "pairing" };
  try {
    await command({ command: "pair", ...invitation });
    state.value = { at: "paired" };
  } catch (error) {
    state.value = { at: "failed", why: (error as Error).message };
  }
}

function Pair({ invitation, code }: { invitation: Invitation; code: string }) {
  const now = state.value;
  const host = invitation.url.slice("http://".length);
  if (now.at === "paired") return <h1>Paired with {host}</h1>;
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
