/** The names of the protocol's frames, learned from requests that chrome.webRequest reports as well. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";

const TAB = 1;
const OWN = "http://other.test/data";

/** The modules of the extension's worker, bundled as its script is. */
const { outputFiles } = await build({
  stdin: {
    contents: `export { CdpFrames } from "./debugger/cdp_frames.ts";
      export { DebuggedRequests } from "./producers/debugged_requests.ts";
      export { Documents } from "./state/documents.ts";`,
    resolveDir: new URL("../../extension/worker", import.meta.url).pathname,
  },
  bundle: true,
  format: "esm",
  write: false,
});
const code = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
const { CdpFrames, DebuggedRequests, Documents } = await import(`data:text/javascript;base64,${code}`);

function known() {
  const webRequest = new DebuggedRequests({}, () => {});
  const frames = new CdpFrames(new Documents({}), webRequest, {});
  return {
    webRequest,
    frames,
    /** The protocol reports a request. */
    asks: (/** @type {string} */ frameId, /** @type {string} */ url) =>
      frames.metadata({ place: undefined, tabId: TAB, url, frameId, loaderId: "loader" }, false),
  };
}

test("a frame has its name from its first request, whichever of the two reports it first", () => {
  for (const isFirst of [true, false]) {
    const { webRequest, asks } = known();
    if (isFirst) webRequest.see(TAB, OWN, { frame_id: "7" });
    assert.equal(asks("FRAME", OWN).frame_id, isFirst ? "7" : undefined);
    if (!isFirst) webRequest.see(TAB, OWN, { frame_id: "7" });
    assert.equal(asks("FRAME", "http://other.test/later").frame_id, "7");
  }
});

test("two frames that ask for the same address are not taken for each other", () => {
  const { webRequest, asks } = known();
  asks("FRAME", OWN);
  asks("SIBLING", OWN);
  webRequest.see(TAB, OWN, { frame_id: "7" });
  assert.equal(asks("FRAME", "http://other.test/later").frame_id, undefined);
  assert.equal(asks("SIBLING", "http://other.test/later").frame_id, undefined);
});

test("what a tab has asked for is forgotten with it", () => {
  const { frames, webRequest, asks } = known();
  asks("FRAME", OWN);
  frames.forget(TAB);
  webRequest.see(TAB, OWN, { frame_id: "7" });
  assert.equal(asks("FRAME", "http://other.test/later").frame_id, undefined);
});
