/** chrome-devtools-mcp, connected to a browser that runs, and the shortest path to a failure that its tools offer. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const PROGRAM = "build/src/bin/chrome-devtools-mcp.js";

/**
 * The path: which pages there are; the errors in the console of the page that was used; the one that is no repetition,
 * with its stack; the requests of that page's scripts; the failed one, with its answer. It takes for granted that the
 * agent chooses right at each step.
 * @type {((read: string) => { name: string, arguments: Record<string, unknown> })[]}
 */
export const DEVTOOLS_PATH = [
  () => ({ name: "list_pages", arguments: {} }),
  (read) => ({ name: "list_console_messages", arguments: { ...page(read), types: ["error"] } }),
  (read) => ({
    name: "get_console_message",
    arguments: { ...page(read), msgid: number(read, /msgid=(\d+) \[error\] Uncaught/) },
  }),
  (read) => ({ name: "list_network_requests", arguments: { ...page(read), resourceTypes: ["fetch"] } }),
  (read) => ({
    name: "get_network_request",
    arguments: { ...page(read), reqid: number(read, /reqid=(\d+) POST [^\n]*\/api\/cart/) },
  }),
];

/** Words in its answers that name the cause. It shows the error's place, and not the error's message. */
export const DEVTOOLS_CAUSE = [
  /Uncaught/,
  /checkout\.ts:17/,
  /POST \S+\/api\/cart \[500\]/,
  /\{"error":"cart service timeout"\}/,
];

/** @param {string} profile The folder of the browser's profile, where the browser writes its port. */
export async function startDevtoolsMcp(profile) {
  const [port] = readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n");
  const folder = join(createRequire(import.meta.url).resolve("chrome-devtools-mcp/package.json"), "..");
  const args = [join(folder, PROGRAM), "--browserUrl", `http://127.0.0.1:${port}`, "--no-usage-statistics"];
  const client = new Client({ name: "bench", version: "1" });
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
  // The first call connects it to the browser; it watches a page from the first call that names it.
  const listed = /** @type {any} */ (await client.callTool({ name: "list_pages", arguments: {} }));
  await client.callTool({ name: "list_console_messages", arguments: page(listed.content[0].text) });
  return client;
}

/** @param {string} read */
const page = (read) => ({ pageId: number(read, /(\d+): [^\n]*\/shop/) });

/** @param {string} read @param {RegExp} pattern */
function number(read, pattern) {
  const found = pattern.exec(read)?.[1];
  if (found === undefined) throw new Error(`chrome-devtools-mcp did not show ${pattern}: ${read}`);
  return Number(found);
}
