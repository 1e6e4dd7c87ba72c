/** Wrong arguments of every public function: refused with a code, and without an effect. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import * as tabtape from "../../dist/npm/node.js";
import { dist } from "../../scripts/lib/paths.mjs";
import { EVENT } from "./fuzz.mjs";
import { openBrowser } from "./page.mjs";

const { CaptureSession, openCategoryLogs, openLogReader, openRecorder, TabtapeError } = tabtape;
await tabtape.init();

/** The same values in the same order at each run. */
const SEED = 11;
const MAX_SHOWN = 20;

/** Passes a value that the types refuse. @param {any} value @returns {any} */
const wrong = (value) => value;

test("a refused argument is named, with the value and what would be right", async () => {
  const session = new CaptureSession();
  const event = /** @type {import("../../dist/npm/index.js").EventInput} */ (EVENT);
  assert.equal(session.publish(event), 1);
  for (const [call, code, message] of /** @type {[() => unknown, string, string][]} */ ([
    [
      () => new CaptureSession({ sessionId: wrong(5) }),
      "invalid_session_id",
      "sessionId: expected a lower-case UUID, got 5",
    ],
    [() => openLogReader(wrong({})), "invalid_argument", "databaseName: expected a string, got an object"],
    [() => session.recordDrop(wrong(5), 1, "a"), "invalid_drop", "category: expected a string, got 5"],
    [
      () => session.recordDrop("app", 1.5, "a"),
      "invalid_drop",
      "count: expected a whole number from 1 to 4294967295, got 1.5",
    ],
    ...["x".repeat(32), new Array(32).fill(1), new Uint8ClampedArray(32), new ArrayBuffer(32)].map((key) => [
      () => new CaptureSession({ redactionKey: wrong(key) }),
      "invalid_redaction_key",
      /^redactionKey: expected a Uint8Array of 32 bytes, got /,
    ]),
    [
      () => new CaptureSession({ redactionKey: new Uint8Array(31) }),
      "invalid_redaction_key",
      "redactionKey: expected a Uint8Array of 32 bytes, got a value of class Uint8Array with 31 bytes",
    ],
    [
      () => session.reader({ afterSeq: wrong("3") }),
      "invalid_cursor",
      'afterSeq: expected a whole number from 0 to 9007199254740991, got "3"',
    ],
    [
      () => session.committed(Number.NaN),
      "invalid_cursor",
      "seq: expected a whole number from 0 to 9007199254740991, got NaN",
    ],
    [
      () => new CaptureSession(wrong({ ringSize: 8 })),
      "invalid_options",
      "ringSize: expected only the keys sessionId, ringCapacity, ringMaxBytes, log, redactionKey, redaction, got another with 8",
    ],
    [
      () => new CaptureSession({ log: wrong(session) }),
      "invalid_options",
      "log: expected a CategoryLogs of this module's openCategoryLogs, got a value of class CaptureSession",
    ],
    [
      () => openCategoryLogs({ durability: wrong("fsync") }),
      "invalid_options",
      'durability: expected "relaxed" or "strict", got "fsync"',
    ],
    [
      () => openRecorder(wrong({ resume: null, start: { reason: "wake" } })),
      "invalid_options",
      "saveResume: expected a function, got undefined",
    ],
    [
      () => session.publishBatch([event, wrong(undefined)]),
      "invalid_event",
      "events[1]: expected an object that JSON can hold, got undefined",
    ],
  ])) {
    const error = await (async () => call())().then(
      () => assert.fail(`not refused: ${message}`),
      (error) => error,
    );
    assert.ok(error instanceof TabtapeError, `${error}`);
    assert.equal(error.code, code, error.message);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
  }
  assert.equal(session.latestSeq, 1);
  assert.equal(session.publish(event), 2);
});

test("a getter that publishes while its batch is read takes nothing from the batch", () => {
  const session = new CaptureSession();
  const event = /** @type {import("../../dist/npm/index.js").EventInput} */ (EVENT);
  const publishes = {
    ...event,
    get data() {
      session.publishBatch([{ ...event, data: "inner" }]);
      return "outer";
    },
  };
  assert.deepEqual(session.publishBatch([{ ...event, data: "first" }, publishes]), {
    firstSeq: 2,
    lastSeq: 3,
    refused: [],
  });
  const reader = session.reader();
  const read = [1, 2, 3].map(() => /** @type {any} */ (reader.tryRead()).envelope.event.data);
  assert.deepEqual(read, ["inner", "first", "outer"]);
});

/** @param {string} path */
const bytes = (path) => readFileSync(dist("npm", path));

// The entries are built from one source: the page below tries everything, each of these a share.
for (const [entry, path, share, source] of /** @type {[string, string, number, Uint8Array?][]} */ ([
  ["tabtape, in Node", "node.js", 0.5],
  ["tabtape", "index.js", 0.1, bytes("tabtape.wasm")],
  ["tabtape/inline", "inline.js", 0.1],
  ["tabtape/core", "core.js", 0.1, bytes("tabtape_core.wasm")],
  ["tabtape/core, in Node", "core_node.js", 0.1],
  ["tabtape, by require", "cjs/node.js", 0.1],
  ["tabtape/inline, by require", "cjs/inline.js", 0.1],
])) {
  test(`${entry} refuses values of every kind, and continues`, async () => {
    const { calls, wrong } = await fuzzInWorker({ path, seed: SEED, share, source });
    assert.deepEqual(wrong.slice(0, MAX_SHOWN), [], `${wrong.length} of ${calls} calls`);
    assert.ok(calls > 5_000 * share, `${calls} calls`);
  });
}

/** In a thread of its own, because a recorder without IndexedDB waits for it as long as its thread lives. */
async function fuzzInWorker(/** @type {unknown} */ workerData) {
  const worker = new Worker(new URL("fuzz_worker.mjs", import.meta.url), { workerData });
  try {
    const ended = once(worker, "exit").then(() => assert.fail("a call never returned"));
    const [result] = await Promise.race([once(worker, "message"), ended]);
    return /** @type {{ calls: number, wrong: string[] }} */ (result);
  } finally {
    await worker.terminate();
  }
}

test("in a page, what stores in IndexedDB refuses values of every kind, and continues", async () => {
  const modules = ["fuzz.mjs", "hostile.mjs"].map((name) => [`/${name}`, new URL(name, import.meta.url)]);
  const browser = await openBrowser(Object.fromEntries(modules));
  try {
    const page = await browser.page();
    const { calls, wrong } = await page.evaluate(async (seed) => {
      const { fuzz } = await import(`${location.origin}/fuzz.mjs`);
      return fuzz(await import(`${location.origin}/index.js`), { seed, database: "fuzz" });
    }, SEED);
    assert.deepEqual(wrong.slice(0, MAX_SHOWN), [], `${wrong.length} of ${calls} calls`);
    assert.ok(calls > 4_000, `${calls} calls`);
  } finally {
    await browser.close();
  }
});

/** The table that functions read their arguments by, from its source. */
async function signatures() {
  const entry = fileURLToPath(new URL("../../src/web/signatures.ts", import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm" });
  const [{ text }] = /** @type {[{ text: string }]} */ (/** @type {unknown} */ (outputFiles));
  const module = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  return /** @type {Record<string, [string, Kind][]>} */ (module.SIGNATURES);
}
/** @typedef {{ type: string, isOptional: boolean, fields?: Record<string, Kind> }} Kind */

test("every function, argument and option of the declarations has its row in the table", async () => {
  const { functions, interfaces } = declarations();
  const shown = (/** @type {[string, Kind][]} */ row) =>
    row.map(([name, { type, isOptional }]) => `${name}${isOptional ? "?" : ""}: ${type}`);
  const table = await signatures();
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(table)
        .map(([name, row]) => [name, shown(row)])
        .sort(),
    ),
    Object.fromEntries(Object.entries(functions).sort()),
  );
  let objects = 0;
  /** @param {Kind} kind */
  const compare = ({ type, fields }) => {
    if (fields === undefined) return;
    objects += 1;
    const name = type.replace(" | null", "");
    assert.deepEqual(shown(Object.entries(fields)).sort(), interfaces[name]?.sort(), name);
    Object.values(fields).forEach(compare);
  };
  for (const row of Object.values(table)) for (const [, kind] of row) compare(kind);
  assert.ok(objects > 8, `${objects} objects`);
});

/** Interfaces that callers implement: their methods are arguments. */
const IMPLEMENTED_BY_CALLERS = ["RecorderOptions", "RecordOptions", "WasmResponse"];

/** The declarations of the package: the arguments of each function, and the members of each interface. */
function declarations() {
  const folder = dist("npm");
  const files = readdirSync(folder).filter((name) => name.endsWith(".d.ts"));
  const text = files
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("\n")
    .replace(/\/\*[\s\S]*?\*\//g, "");
  /** @type {Record<string, string[]>} */
  const functions = {};
  for (const [, name = "", given = ""] of text.matchAll(
    /export declare function (\w+)\(([\s\S]*?)\): [^\n]*;/g,
  )) {
    functions[name] = split(given);
  }
  for (const [, name = "", body = ""] of text.matchAll(
    /export declare class (\w+)[^{]*\{\n([\s\S]*?)\n\}/g,
  )) {
    for (const [method, given] of methods(body)) {
      functions[method === "constructor" ? `new ${name}` : `${name}.${method}`] = given;
    }
  }
  /** @type {Record<string, string[]>} */
  const interfaces = {};
  for (const [, name = "", body = ""] of text.matchAll(/export interface (\w+)[^{]*\{\n([\s\S]*?)\n\}/g)) {
    const members = body.split(/;\n|;$/).map((member) => member.replace(/\s+/g, " ").trim());
    interfaces[name] = members
      .filter((member) => member !== "")
      // A method is a property that is a function.
      .map((member) => member.replace(/^(\w+\??)\((.*)\): (.*)$/, "$1: ($2) => $3"));
    if (IMPLEMENTED_BY_CALLERS.includes(name)) continue;
    for (const [method, given] of methods(body)) functions[`${name}.${method}`] = given;
  }
  return { functions, interfaces };
}

/** @param {string} body @returns {[string, string[]][]} */
function methods(body) {
  const found = body.matchAll(/^ {4}(?!get )([\w.[\]]+)\(([\s\S]*?)\)(?:: |;)/gm);
  return Array.from(found, ([, name = "", given = ""]) => [name, split(given)]);
}

/** The arguments of a function, apart. @param {string} given */
function split(given) {
  const text = given.replace(/\s+/g, " ").trim();
  const found = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if ("<({[".includes(text.charAt(at))) depth += 1;
    if (">)}]".includes(text.charAt(at))) depth -= 1;
    if (depth === 0 && text.charAt(at) === ",") {
      found.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...found, text.slice(start).trim()].filter((argument) => argument !== "");
}
