/**
 * Rows: what it costs an agent to name the cause of a seeded failure among 20,000 events, and of five failures of other
 * kinds, in tokens (bytes / 4).
 *
 * The policy of the agent is fixed: it lists the tools; it calls the first one without arguments; if the answer does
 * not name the cause, it makes the call that the answer offers, else the next tool of the list; at most 10 calls.
 */
import { build } from "../../scripts/build/parts.mjs";
import { CAUSE, withFailure } from "../lib/failure.mjs";
import { FAILURES } from "../lib/failures.mjs";

export const name = "agent";

const BYTES_PER_TOKEN = 4;
const MAX_CALLS = 10;
const ANSWER_GOAL = 400;
const TOTAL_GOAL = 1_200;
const OTHER_GOAL = 600;

/** @param {{ quick: boolean }} options */
export async function rows({ quick }) {
  await build(["extension", "collector"], { quick });
  const amongMany = await withFailure(async (collector, counts) => {
    const { calls, answerTokens, listTokens, missing } = await follow(collector, CAUSE);
    const found = missing.length === 0;
    const total = answerTokens + listTokens;
    const notes = `${counts.events} events, ${counts.errors} graded errors; ${calls} calls; ${found ? "the cause is named" : `not named: ${missing.join(", ")}`}`;
    return [
      row(
        "agent names the cause",
        answerTokens,
        `1 call, ≤ ${ANSWER_GOAL}`,
        found && calls === 1 && answerTokens <= ANSWER_GOAL,
        { calls },
        notes,
      ),
      row(
        "agent with tools/list",
        total,
        `≤ ${TOTAL_GOAL}`,
        found && total <= TOTAL_GOAL,
        { list: listTokens },
        notes,
      ),
    ];
  });
  /** @type {ReturnType<typeof row>[]} */
  const others = [];
  for (const failure of FAILURES) {
    await failure.record(async (collector) => {
      const { calls, answerTokens, missing } = await follow(collector, failure.expected);
      const found = missing.length === 0;
      const notes = found ? "the cause is named" : `not named: ${missing.join(", ")}`;
      const met = found && answerTokens <= OTHER_GOAL;
      others.push(row(`agent: ${failure.name}`, answerTokens, `≤ ${OTHER_GOAL}`, met, { calls }, notes));
    });
  }
  return [...amongMany, ...others];
}

/**
 * @param {string} name @param {number} ours @param {string} goal @param {boolean} met @param {object} more
 * @param {string} notes
 */
function row(name, ours, goal, met, more, notes) {
  return {
    name,
    unit: "tokens",
    ours,
    spread: null,
    floor: null,
    peers: more,
    ratio_to_floor: null,
    ratio_to_best_peer: null,
    goal,
    met,
    notes,
  };
}

/**
 * Follows the policy until all of `expected` was read.
 * @param {import("../../tests/e2e/fixtures/collector.mjs").Collector} collector @param {string[]} expected
 */
async function follow(collector, expected) {
  const list = await ask(collector, "tools/list", {});
  const names = list.tools.map((/** @type {{ name: string }} */ tool) => tool.name);
  let next = { name: names[0], arguments: {} };
  let read = "";
  for (let calls = 1; ; calls++) {
    const result = await ask(collector, "tools/call", next);
    read += `${result.content.map((/** @type {{ text: string }} */ part) => part.text).join("\n")}\n`;
    const missing = expected.filter((part) => !read.includes(part));
    if (missing.length === 0 || calls === MAX_CALLS) {
      return {
        calls,
        answerTokens: tokens(read.trimEnd()),
        listTokens: tokens(JSON.stringify(list)),
        missing,
      };
    }
    const [, offered, json] = new RegExp(`(${names.join("|")}) (\\{[^}]*\\})`).exec(read.slice(-400)) ?? [];
    next = offered
      ? { name: offered, arguments: JSON.parse(json ?? "{}") }
      : { name: names[calls % names.length], arguments: {} };
  }
}

/** @param {import("../../tests/e2e/fixtures/collector.mjs").Collector} collector @param {string} method @param {object} params */
async function ask(collector, method, params) {
  const response = await fetch(`${collector.url}/mcp`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${collector.token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(error.message);
  return result;
}

/** @param {string} text */
const tokens = (text) => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
