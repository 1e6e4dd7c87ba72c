/**
 * The service worker of our own extension: the recorder, and what only we have: popup and panel, pairing, other
 * extensions, the debugger producer, hot keys. Every listener is registered at once; see `wiring.ts`.
 */

import { listenToPages } from "./commands/messages.ts";
import { watchInvitations } from "./commands/pairing.ts";
import { DebuggerProducer } from "./debugger/debugger.ts";
import type { Preconfiguration } from "./host.ts";
import { External } from "./producers/external.ts";
import { flashBadge, showBadge } from "./recorder/badge.ts";
import { createWorker } from "./wiring.ts";

const PRECONFIGURATION = "tabtape.json";

async function preconfiguration(): Promise<Preconfiguration | null> {
  try {
    const response = await fetch(chrome.runtime.getURL(PRECONFIGURATION));
    return response.ok ? { name: PRECONFIGURATION, text: await response.text() } : null;
  } catch {
    // The file is absent: fetching an absent file of an extension fails like a broken network.
    return null;
  }
}

// The collector's token is in there: a page that took over its renderer is not to read it through our content scripts.
void chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });

const worker = createWorker({ folder: "", preconfiguration, show: showBadge });
const { owner, recording, marks, screenshots, ready, begun } = worker;
const external = new External(owner, (id) => recording.settings.approved_extensions.includes(id));
// The store build has no `debugger` permission, and then not its API.
const debug = chrome.debugger === undefined ? null : new DebuggerProducer(worker);
if (debug !== null) {
  // Before anything that waits is recorded, or webRequest tells of what the debugger tells of too.
  recording.preparations.push(() => debug.resume());
  recording.followers.push(debug);
}

ready.catch((error: unknown) => console.error("tabtape: could not begin", error));

external.listen(begun);
watchInvitations();
debug?.listen(begun);
listenToPages({ recording, marks, screenshots, external, debug }, ready);

chrome.commands?.onCommand.addListener((command) => {
  void begun()
    .then(() => (command === "mark" ? marks.mark("").then(() => true) : screenshots.take("hot_key")))
    .catch(() => false)
    .then(flashBadge);
});
