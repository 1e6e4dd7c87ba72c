/**
 * Rows: what it costs an agent to name the cause of a seeded failure among 20,000 events, and of five failures of other
 * kinds, in tokens (bytes / 4) and calls.
 *
 * The policy of the agent is fixed: it lists the tools; it calls the first one without arguments; if the answer does
 * not name the cause, it makes the call that the answer offers, else the next tool of the list; at most 10 calls.
 *
 * chrome-devtools-mcp watches the same browser at the same time. Its first tool is not for this question, so its path is
 * the shortest one that its tools offer (`DEVTOOLS_PATH`). It shows neither the click nor the error's message, so these are
 * not asked of it.
 *
 * Kaboom is missing: npm and PyPI have its server under an earlier name, gasoline-mcp, and not the extension that feeds
 * it.
 */
import { DEVTOOLS_CAUSE, DEVTOOLS_PATH } from "../lib/devtools_mcp.mjs";
import { CAUSE, withFailure } from "../lib/failure.mjs";
import { FAILURES } from "../lib/failures.mjs";
import { RECORDING_PARTS } from "../lib/recording.mjs";
import { row } from "../lib/row.mjs";
import { round } from "../lib/stats.mjs";

export const name = "agent";
export const parts = RECORDING_PARTS;
export const isLong = true;

const PEER = "chrome-devtools-mcp";
const BYTES_PER_TOKEN = 4;
const MAX_CALLS = 10;
const ANSWER_GOAL = 400;
const TOTAL_GOAL = 1_200;
const OTHER_GOAL = 600;

export async function rows() {
  const amongMany = await withFailure(async (collector, peer, counts) => {
    const ours = await follow(collector, CAUSE);
    const theirs = await followPath(peer);
    const found = ours.missing.length === 0;
    const missed = [...ours.missing, ...theirs.missing.map((part) => `${PEER}: ${part}`)];
    const notes = `${counts.events} events, ${counts.errors} graded errors; ${found && missed.length === 0 ? "the cause is named" : `not named: ${missed.join(", ")}`}`;
    const measures = /** @type {const} */ ([
      ["agent names the cause", "tokens", "answerTokens", ANSWER_GOAL],
      ["agent with tools/list", "tokens", "allTokens", TOTAL_GOAL],
      ["agent's calls", "calls", "calls", 1],
    ]);
    return measures.map(([name, unit, measure, goal]) =>
      row({
        name,
        unit,
        ours: ours[measure],
        goal: `≤ ${goal} and below ${PEER}`,
        met: found && ours[measure] <= goal && ours[measure] < theirs[measure],
        peers: { [PEER]: theirs[measure] },
        ratio_to_best_peer: round(ours[measure] / theirs[measure]),
        notes,
      }),
    );
  });
  /** @type {ReturnType<typeof row>[]} */
  const others = [];
  for (const failure of FAILURES) {
    await failure.record(async (collector) => {
      const { calls, answerTokens, missing } = await follow(collector, failure.expected);
      const found = missing.length === 0;
      const notes = `${calls} calls; ${found ? "the cause is named" : `not named: ${missing.join(", ")}`}`;
      const met = found && answerTokens <= OTHER_GOAL;
      others.push(
        row({
          name: `agent: ${failure.name}`,
          unit: "tokens",
          ours: answerTokens,
          goal: `≤ ${OTHER_GOAL}`,
          met,
          notes,
        }),
      );
    });
  }
  return [...amongMany, ...others];
}

/**
 * Follows the policy until all of `expected` was read.
 * @param {import("../../tests/e2e/fixtures/collector.mjs").Collector} collector @param {string[]} expected
 */
async function follow(collector, expected) {
  const list = await collector.mcp("tools/list", {});
  const names = list.tools.map((/** @type {{ name: string }} */ tool) => tool.name);
  let next = { name: names[0], arguments: {} };
  let read = "";
  for (let calls = 1; ; calls++) {
    const result = await collector.mcp("tools/call", next);
    read += `${result.content.map((/** @type {{ text: string }} */ part) => part.text).join("\n")}\n`;
    const missing = expected.filter((part) => !read.includes(part));
    if (missing.length === 0 || calls === MAX_CALLS) return cost(read, list, calls, missing);
    const [, offered, json] = new RegExp(`(${names.join("|")}) (\\{[^}]*\\})`).exec(read.slice(-400)) ?? [];
    next = offered
      ? { name: offered, arguments: JSON.parse(json ?? "{}") }
      : { name: names[calls % names.length], arguments: {} };
  }
}

/**
 * Follows the path of chrome-devtools-mcp until the cause is named.
 * @param {import("@modelcontextprotocol/sdk/client/index.js").Client} client
 */
async function followPath(client) {
  const { tools } = await client.listTools();
  let read = "";
  let calls = 0;
  let missing = DEVTOOLS_CAUSE;
  for (const step of DEVTOOLS_PATH) {
    const result = /** @type {any} */ (await client.callTool(step(read)));
    read += `${result.content.map((/** @type {{ text: string }} */ part) => part.text).join("\n")}\n`;
    calls += 1;
    missing = DEVTOOLS_CAUSE.filter((part) => !part.test(read));
    if (missing.length === 0) break;
  }
  return cost(read, { tools }, calls, missing.map(String));
}

/** @param {string} read @param {object} list @param {number} calls @param {string[]} missing */
function cost(read, list, calls, missing) {
  const answerTokens = tokens(read.trimEnd());
  return { calls, answerTokens, allTokens: answerTokens + tokens(JSON.stringify(list)), missing };
}

/** @param {string} text */
const tokens = (text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
