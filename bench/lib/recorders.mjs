/** Other recorders, as scripts that a page loads before all else, and what reaches the address that they send to. */
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gunzipSync, inflateSync } from "node:zlib";
import { bundled } from "./bundled.mjs";

const RECORDERS = fileURLToPath(new URL("recorders.page.mjs", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../node_modules/", import.meta.url));

export const PEERS = ["rrweb", "sentry", "datadog"];

/** The scripts by their paths. Each leaves a function in `finishRecorder` that sends the last events. */
export async function recorderScripts() {
  return Object.fromEntries(
    await Promise.all(PEERS.map(async (peer) => [`/recorder/${peer}.js`, await scriptOf(peer)])),
  );
}

/** @param {string} peer */
export const recorderTag = (peer) =>
  PEERS.includes(peer) ? `<script src="/recorder/${peer}.js"></script>` : "";

/** @param {string} peer */
async function scriptOf(peer) {
  const contents = `import { ${peer} } from ${JSON.stringify(RECORDERS)}; globalThis.finishRecorder = ${peer}(location.origin + "/sink/${peer}");`;
  return bundled({ stdin: { contents, resolveDir: PACKAGES }, minify: true, format: "iife" });
}

/** The body of a request, unpacked. @param {import("node:http").IncomingMessage} request */
export async function bodyOf(request) {
  const body = await buffer(request);
  if (body[0] === 0x1f && body[1] === 0x8b) return gunzipSync(body);
  return body[0] === 0x78 ? inflateSync(body) : body;
}

/**
 * Counts the calls of `console.log("x", { a: 1 })` in a body: `x`, `a` and a number with quotes, escapes and line ends
 * between them.
 * @param {Buffer} body
 */
export function countOf(body) {
  return body.toString().match(/\bx[^0-9a-mo-z]{1,24}a[^0-9a-z]{1,10}\d+/g)?.length ?? 0;
}
