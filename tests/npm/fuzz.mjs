/**
 * Calls every function of an entry of the package with values of every kind, one wrong argument at a time and many at
 * once, and notes what a caller should never see. Runs in Node and in a page, where there is IndexedDB, too.
 */
import { hostileValues, seeded } from "./hostile.mjs";

/** The codes of refusals, and of what may be missing where this runs. A trap is not one of them. */
const CODES = new Set(
  (
    "batch_too_large closed cursor_ahead invalid_argument invalid_capacity invalid_collector invalid_config " +
    "invalid_context invalid_cursor invalid_drop invalid_event invalid_options invalid_redaction invalid_redaction_key " +
    "invalid_selector invalid_session_id log_missing no_indexeddb not_flushed relay_gap relay_unknown " +
    "too_many_categories wasm_invalid wasm_unavailable"
  ).split(" "),
);

/** The table's own codes, whose messages begin with the name of the argument. */
const TABLE_CODES = new Set([
  "invalid_argument",
  "invalid_options",
  "invalid_capacity",
  "invalid_redaction_key",
  "invalid_cursor",
]);

const RANDOM_CALLS = 60;
const MAX_U32 = 2 ** 32 - 1;

export const EVENT = { type: "app.ready", category: "app", source: { kind: "extension" }, data: { id: 7 } };

const isText = (/** @type {unknown} */ value) => typeof value === "string";
const isSeq = (/** @type {any} */ value) => Number.isSafeInteger(value) && value >= 0;
const isCount = (/** @type {any} */ value) => Number.isInteger(value) && value >= 1 && value <= MAX_U32;
const orAbsent = (/** @type {(value: any) => boolean} */ accepts) => (/** @type {any} */ value) =>
  value === undefined || accepts(value);
const never = () => false;
const always = () => true;

/**
 * @typedef {object} Argument
 * @property {string} name
 * @property {() => any} valid
 * @property {(value: any) => boolean} accepts False for what must be refused; what it accepts may be refused as well.
 * @property {Record<string, (value: any) => boolean>} [keys] Of options: the same by key.
 * @typedef {object} Target
 * @property {string} name
 * @property {Argument[]} arguments
 * @property {(...values: any[]) => any} call
 * @property {(result: any) => unknown} [check] Uses what a call returned; throws if it is wrong.
 */

/**
 * @param {any} tabtape The module, not yet initialised.
 * @param {{ seed: number, share?: number, source?: unknown, database?: string }} options `share` is how many of the calls
 *   are made, of 1; `source` what its `init` needs here; `database` the name for IndexedDB's, where there is one.
 * @returns {Promise<{ calls: number, wrong: string[] }>}
 */
export async function fuzz(tabtape, { seed, share = 1, source, database }) {
  const fuzzer = new Fuzzer(tabtape, seed, share);
  await fuzzer.sweep(
    {
      name: "init",
      arguments: [
        {
          name: "source",
          valid: () => source,
          accepts: (value) => isText(value) || (typeof value === "object" && value !== null),
        },
      ],
      call: (value) => tabtape.init(value),
    },
    { onlyWrong: true },
  );
  await tabtape.init(source);

  const closed = new tabtape.CaptureSession();
  const itsReader = closed.reader();
  await closed.close();
  fuzzer.values.push(
    ["a session", () => new tabtape.CaptureSession()],
    ["a closed session", () => closed],
    ["the reader of a closed session", () => itsReader],
  );

  await fuzzer.free(tabtape);
  await fuzzer.session(tabtape);
  if (database !== undefined) await fuzzer.logs(tabtape, database);
  if (tabtape.openRecorder !== undefined) await fuzzer.recorder(tabtape, database);
  return { calls: fuzzer.calls, wrong: fuzzer.wrong };
}

class Fuzzer {
  calls = 0;
  /** @type {string[]} */
  wrong = [];
  values = hostileValues();

  /** @param {any} tabtape @param {number} seed @param {number} share */
  constructor(tabtape, seed, share) {
    this.share = share;
    this.tabtape = tabtape;
    this.random = seeded(seed);
  }

  /** Every argument of `target`, and every key of its options, with every value. @param {Target} target */
  async sweep(target, { onlyWrong = false } = {}) {
    const valid = () => target.arguments.map((argument) => argument.valid());
    for (const [at, argument] of target.arguments.entries()) {
      for (const [name, make] of this.values) {
        const value = make();
        const accepted = argument.accepts(value);
        if (onlyWrong && (value === undefined || value === null)) continue;
        const values = valid();
        values[at] = value;
        // An options object is refused by the name of its key.
        const isNamed = argument.keys === undefined || typeof value !== "object" || value === null;
        const shown = isNamed ? argument.name : undefined;
        await this.#call(target, `${argument.name} = ${name}`, values, accepted, shown);
        if (onlyWrong) continue;
        // Alone: every other argument is absent.
        const alone = [];
        alone[at] = make();
        const isWhole = target.arguments.every((other, place) => place === at || other.accepts(undefined));
        await this.#call(target, `${argument.name} = ${name}, alone`, alone, accepted && isWhole);
      }
      for (const [key, accepts] of Object.entries(argument.keys ?? {})) {
        for (const [name, make] of this.values) {
          const value = make();
          const values = valid();
          values[at] = { ...values[at], [key]: value };
          await this.#call(target, `${argument.name}.${key} = ${name}`, values, accepts(value), key);
        }
      }
    }
    if (target.arguments.length === 0 || onlyWrong) return;
    for (let call = 0; call < RANDOM_CALLS; call++) {
      const picked = target.arguments.map(() => this.#pick());
      const values = picked.map(([, make]) => make());
      const accepted = target.arguments.every(({ accepts }, at) => accepts(values[at]));
      await this.#call(target, `(${picked.map(([name]) => name).join(", ")})`, values, accepted);
    }
  }

  #pick() {
    const at = Math.floor(this.random() * this.values.length);
    return /** @type {[string, () => any]} */ (this.values[at]);
  }

  /** @param {Target} target @param {string} label @param {any[]} values @param {boolean} accepted @param {string} [argument] */
  async #call(target, label, values, accepted, argument) {
    if (this.random() >= this.share) return;
    this.calls += 1;
    const where = `${target.name}: ${label}`;
    let result;
    try {
      result = await target.call(...values);
    } catch (error) {
      this.#checkError(where, error, argument);
      return;
    }
    if (!accepted) this.wrong.push(`${where}: not refused`);
    try {
      await target.check?.(result);
    } catch (error) {
      this.wrong.push(`${where}: wrong result: ${error}`);
    }
  }

  /** @param {string} where @param {any} error @param {string} [argument] */
  #checkError(where, error, argument) {
    // An error of a caller's own function is the caller's.
    if (where.startsWith("openRecorder: options.saveResume") && !error?.message.startsWith("saveResume"))
      return;
    let isOurs = false;
    try {
      isOurs = error instanceof this.tabtape.TabtapeError;
    } catch {
      // A proxy of the caller's came through.
    }
    if (!isOurs) {
      this.wrong.push(`${where}: threw ${described(error)}`);
    } else if (!CODES.has(error.code)) this.wrong.push(`${where}: code ${error.code}: ${error.message}`);
    else if (argument !== undefined && TABLE_CODES.has(error.code) && !error.message.startsWith(argument)) {
      this.wrong.push(`${where}: does not name the argument: ${error.message}`);
    }
  }

  /** The functions and constructors that need nothing. @param {any} tabtape */
  async free(tabtape) {
    await this.sweep({
      name: "isTrap",
      arguments: [{ name: "error", valid: () => null, accepts: always }],
      call: tabtape.isTrap,
      check: (result) => equal(result, false),
    });
    await this.sweep({
      name: "new TabtapeError",
      arguments: [
        { name: "code", valid: () => "closed", accepts: isText },
        { name: "message", valid: () => "closed", accepts: isText },
        {
          name: "options",
          valid: () => ({}),
          accepts: orAbsent((value) => typeof value === "object" && value !== null),
        },
      ],
      call: (...values) => new tabtape.TabtapeError(...values),
      check: (error) => equal(error instanceof Error, true),
    });
    for (const name of ["Reader", "CategoryLogs", "LogReader"]) {
      if (tabtape[name] === undefined) continue;
      await this.sweep({
        name: `new ${name}`,
        arguments: [0, 1, 2].map(() => ({ name: `new ${name}`, valid: () => undefined, accepts: never })),
        call: (...values) => new tabtape[name](...values),
      });
    }
    const rules = {
      name: "rules",
      valid: () => ({ disable: ["email"] }),
      accepts: orAbsent((value) => typeof value === "object" && value !== null),
    };
    await this.sweep({
      name: "redactionRules",
      arguments: [rules],
      call: tabtape.redactionRules,
      check: (found) => equal(found.length > 3, true),
    });
    await this.sweep({
      name: "tryRedaction",
      arguments: [{ name: "text", valid: () => "a", accepts: isText }, rules],
      call: tabtape.tryRedaction,
      check: ({ text }) => equal(typeof text, "string"),
    });
    if (tabtape.captureConfig !== undefined)
      await this.sweep({
        name: "captureConfig",
        arguments: [
          {
            name: "patch",
            valid: () => ({ categories: { console: { enabled: false } } }),
            accepts: orAbsent((value) => typeof value === "object" && value !== null),
          },
        ],
        call: tabtape.captureConfig,
        check: ({ categories }) => equal(categories.console.max_event_bytes, 65_536),
      });
    const uuid = "0193b3f0-0000-7000-8000-000000000000";
    await this.sweep({
      name: "new CaptureSession",
      arguments: [
        {
          name: "options",
          valid: () => ({}),
          accepts: orAbsent(isPlain([])),
          keys: {
            sessionId: orAbsent((value) => value === uuid),
            ringCapacity: orAbsent(isCount),
            ringMaxBytes: orAbsent(isCount),
            log: orAbsent(never),
            redactionKey: orAbsent(never),
            redaction: orAbsent((value) => typeof value === "object" && value !== null),
            unknown: never,
          },
        },
      ],
      call: (options) => new tabtape.CaptureSession(options),
      check: (session) => {
        equal(session.latestSeq, 0);
        session.publish(EVENT);
        equal(session.latestSeq, 1);
      },
    });
  }

  /** @param {any} tabtape */
  async session(tabtape) {
    const session = new tabtape.CaptureSession({
      ringCapacity: 1 << 20,
      ringMaxBytes: 1 << 30,
      redactionKey: new Uint8Array(32).fill(1),
    });
    const reader = session.reader();
    await this.#published(session, session, tabtape);

    await this.sweep({
      name: "CaptureSession.publishBatch",
      arguments: [
        { name: "events", valid: () => [EVENT], accepts: (value) => isText(value) || isReadable(value) },
      ],
      call: (events) => session.publishBatch(events),
      check: ({ firstSeq, lastSeq, refused }) => {
        equal(Array.isArray(refused), true);
        equal(lastSeq, lastSeq === 0 ? 0 : session.latestSeq);
        equal(firstSeq <= lastSeq, true);
      },
    });
    await this.#read(session, session.reader(), tabtape);
    await this.#ended(session, reader);
  }

  /** Calls that publish and drop, of a session or a recorder. @param {any} publisher @param {any} session @param {any} tabtape */
  async #published(publisher, session, tabtape) {
    const name = publisher instanceof tabtape.CaptureSession ? "CaptureSession" : "Recorder";
    const latest = () => session.latestSeq ?? publisher.status().latest_seq;
    /** A refused call has no effect. @param {(...values: any[]) => any} call */
    const counted =
      (call) =>
      (/** @type {any[]} */ ...values) => {
        const before = latest();
        try {
          return call(...values);
        } catch (error) {
          equal(latest(), before);
          throw error;
        }
      };
    const isLatest = (/** @type {number} */ seq) => equal(seq, latest());
    await this.sweep({
      name: `${name}.publish`,
      arguments: [{ name: "event", valid: () => EVENT, accepts: never }],
      call: counted((event) => publisher.publish(event)),
      check: isLatest,
    });
    for (const [key, within] of Object.entries({
      ts: (/** @type {any} */ value) => ({ ...EVENT, ts: value }),
      type: (/** @type {any} */ value) => ({ ...EVENT, type: value }),
      category: (/** @type {any} */ value) => ({ ...EVENT, category: value }),
      source: (/** @type {any} */ value) => ({ ...EVENT, source: value }),
      kind: (/** @type {any} */ value) => ({ ...EVENT, source: { kind: value } }),
      metadata: (/** @type {any} */ value) => ({ ...EVENT, source: { kind: "extension", metadata: value } }),
      url: (/** @type {any} */ value) => ({ ...EVENT, url: value }),
      truncated: (/** @type {any} */ value) => ({ ...EVENT, truncated: value }),
      unknown: (/** @type {any} */ value) => ({ ...EVENT, unknown: value }),
      data: (/** @type {any} */ value) => ({ ...EVENT, data: value }),
      within_data: (/** @type {any} */ value) => ({ ...EVENT, data: { list: [value] } }),
    })) {
      await this.sweep({
        name: `${name}.publish, ${key}`,
        arguments: [{ name: "event", valid: () => 0, accepts: always }],
        call: counted((value) => publisher.publish(within(value))),
        check: isLatest,
      });
    }
    await this.sweep({
      name: `${name}.setRedaction`,
      arguments: [
        { name: "rules", valid: () => ({}), accepts: (value) => typeof value === "object" && value !== null },
      ],
      call: counted((rules) => publisher.setRedaction(rules)),
      check: (result) => equal(result, undefined),
    });
    await this.sweep({
      name: `${name}.recordDrop`,
      arguments: [
        { name: "category", valid: () => "app", accepts: isText },
        { name: "count", valid: () => 2, accepts: isCount },
        { name: "reason", valid: () => "queue_full", accepts: isText },
      ],
      call: counted((...values) => publisher.recordDrop(...values)),
      check: isLatest,
    });
    await this.sweep({
      name: `${name}.committed`,
      arguments: [{ name: "seq", valid: () => 1, accepts: orAbsent(isSeq) }],
      call: (seq) => publisher.committed(seq),
      check: (result) => equal(result, undefined),
    });
    await this.sweep({
      name: `${name}.reader`,
      arguments: [
        {
          name: "options",
          valid: () => ({}),
          accepts: orAbsent(isPlain([])),
          keys: {
            afterSeq: orAbsent(isSeq),
            selector: orAbsent((value) => isText(value) || (typeof value === "object" && value !== null)),
            unknown: never,
          },
        },
      ],
      call: (options) => publisher.reader(options),
      check: (reader) => equal(reader instanceof tabtape.Reader, true),
    });
  }

  /** Functions without arguments ignore what they are given. @param {any} session @param {any} reader @param {any} tabtape */
  async #read(session, reader, tabtape) {
    for (const [, make] of this.values) {
      // `read` waits for a record, so there is one for each.
      session.publishBatch([EVENT, EVENT]);
      equal(reader.tryRead(make()) !== null, true);
      equal((await reader.read(make())) !== null, true);
      equal(reader instanceof tabtape.Reader, true);
    }
  }

  /** It publishes, reads and ends as ever: its ring adds up. @param {any} session @param {any} reader From its beginning. */
  async #ended(session, reader) {
    const seq = session.publish(EVENT);
    equal(session.latestSeq, seq);
    await session.close();
    let total = 0;
    let last;
    for await (const result of reader) {
      last = result;
      if ("gap" in result) total += result.gap.last_seq - result.gap.first_seq + 1;
      else if ("envelope" in result) total += 1;
      else throw new Error(`dropped: ${JSON.stringify(result)}`);
    }
    equal(total, seq);
    equal(JSON.stringify(last.envelope.event.data), JSON.stringify(EVENT.data));
  }

  /** Calls that need IndexedDB. @param {any} tabtape @param {string} database */
  async logs(tabtape, database) {
    const { openCategoryLogs, openLogReader, CaptureSession } = tabtape;
    await this.sweep({
      name: "openCategoryLogs",
      arguments: [
        {
          name: "options",
          valid: () => ({ databaseName: database }),
          accepts: orAbsent(isPlain([])),
          keys: {
            databaseName: orAbsent(isText),
            sessionId: orAbsent(never),
            durability: orAbsent(never),
            unknown: never,
          },
        },
      ],
      call: openCategoryLogs,
      check: (logs) => logs.close(),
    });
    const log = await openCategoryLogs({ databaseName: database });
    this.values.push(["logs of another session", () => log]);
    const session = new CaptureSession({ log, ringCapacity: 1 << 20, ringMaxBytes: 1 << 30 });
    const reader = session.reader();
    await this.#published(session, session, tabtape);
    if (openLogReader !== undefined) {
      const logs = await openLogReader(database);
      this.values.push(["a reader of logs", () => logs]);
      await this.#logReader(logs, tabtape, session);
    }
    await this.#ended(session, reader);
  }

  /** @param {any} logs @param {any} tabtape @param {any} session */
  async #logReader(logs, tabtape, session) {
    const { openLogReader } = tabtape;
    await this.sweep({
      name: "openLogReader",
      arguments: [{ name: "databaseName", valid: () => undefined, accepts: orAbsent(isText) }],
      call: openLogReader,
      check: (opened) => opened.close(),
    });
    const id = { name: "session", valid: () => session.sessionId, accepts: isText };
    const selector = { name: "selector", valid: () => "", accepts: isText };
    const limit = { name: "limit", valid: () => 10, accepts: isCount };
    const afterSeq = { name: "afterSeq", valid: () => 0, accepts: isSeq };
    const untilSeq = { name: "untilSeq", valid: () => 5, accepts: isSeq };
    await session.committed();
    for (const [name, ...given] of /** @type {[string, ...Argument[]][]} */ ([
      ["read", id, afterSeq, selector, limit],
      ["headers", id, afterSeq, untilSeq, selector, limit],
      ["tally", id],
      ["coverage", id],
      ["forget", { ...selector, valid: () => "type:none.such" }],
    ])) {
      await this.sweep({
        name: `LogReader.${name}`,
        arguments: given,
        // Forgetting everything is what an empty selector asks for, and no test of arguments.
        call: (...values) => (name === "forget" && values[0] === "" ? 0 : logs[name](...values)),
        check: (result) => equal(result === undefined, false),
      });
    }
    equal((await logs.read(session.sessionId, 0, "", 1)).lines.length, 1);
    logs.close();
    const lines = { name: "text", valid: () => "", accepts: isText };
    const request = { name: "requestId", valid: () => undefined, accepts: orAbsent(isText) };
    await this.sweep({ name: "Lines", arguments: [lines], call: (text) => new tabtape.Lines(text) });
    const none = new tabtape.Lines("");
    for (const [name, given] of /** @type {[string, Argument][]} */ ([
      ["select", selector],
      ["har", request],
    ])) {
      await this.sweep({ name: `Lines.${name}`, arguments: [given], call: (value) => none[name](value) });
    }
  }

  /** @param {any} tabtape @param {string | undefined} database */
  async recorder(tabtape, database) {
    let opened = 0;
    const valid = () => ({
      ...(database === undefined ? {} : { databaseName: `${database}-${opened++}` }),
      resume: null,
      start: { reason: "wake" },
      saveResume: async () => {},
    });
    await this.sweep({
      name: "openRecorder",
      arguments: [
        {
          name: "options",
          valid,
          accepts: never,
          keys: {
            databaseName: orAbsent(isText),
            resume: (value) => value === null,
            start: never,
            config: orAbsent((value) => typeof value === "object" && value !== null),
            redaction: orAbsent((value) => typeof value === "object" && value !== null),
            durability: orAbsent(never),
            saveResume: (value) => typeof value === "function",
            onStatus: orAbsent((value) => typeof value === "function"),
            unknown: never,
          },
        },
      ],
      call: tabtape.openRecorder,
      check: (recorder) => recorder.close(),
    });

    const recorder = await tabtape.openRecorder(valid());
    await this.#published(recorder, recorder, tabtape);
    const text = (/** @type {string} */ name, /** @type {() => string} */ valid) => ({
      name,
      valid,
      accepts: isText,
    });
    let message = 1;
    const relay = [
      text("relayId", () => "relay"),
      {
        name: "context",
        valid: () => ({ metadata: { tab_id: "7" }, url: "https://example.org/" }),
        accepts: never,
        keys: { metadata: isPlain(null), url: isText, unknown: always },
      },
      { name: "firstMessage", valid: () => message, accepts: isSeq },
      text("lines", () => '{"type":"console.log","category":"console","data":{"text":"a"}}'),
    ];
    await recorder.openRelay("relay", 0);
    for (const [name, call, given] of /** @type {[string, (...values: any[]) => any, Argument[]][]} */ ([
      [
        "openRelay",
        (...values) => recorder.openRelay(...values),
        [text("relayId", () => "another"), { name: "acknowledged", valid: () => 0, accepts: isSeq }],
      ],
      [
        "publishRelay",
        (...values) => {
          const receipt = recorder.publishRelay(...values);
          if (values[0] === "relay") message = receipt.message + 1;
          return receipt;
        },
        relay,
      ],
      [
        "configure",
        (patch) => recorder.configure(patch),
        [
          {
            name: "patch",
            valid: () => ({}),
            accepts: (value) => typeof value === "object" && value !== null,
          },
        ],
      ],
      ["isSiteRecorded", (url) => recorder.isSiteRecorded(url), [text("url", () => "https://example.org/")]],
      [
        "connect",
        async (target) => {
          recorder.connect(target);
          recorder.connect(null);
          return true;
        },
        [
          {
            name: "target",
            valid: () => ({ url: "http://127.0.0.1:1", secret: "s".repeat(43) }),
            accepts: (value) => value === null,
            keys: { url: isText, secret: isText, pairing: orAbsent(isText), unknown: always },
          },
        ],
      ],
      [
        "noteRelay",
        (queued, events, micros) => recorder.noteRelay(queued, events, micros),
        ["queued", "events", "micros"].map((name) => ({ name, valid: () => 0, accepts: isSeq })),
      ],
      ["forget", (selector) => recorder.forget(selector), [text("selector", () => "type:none.such")]],
    ])) {
      await this.sweep({
        name: `Recorder.${name}`,
        arguments: given,
        call: (...values) => (name === "forget" && values[0] === "" ? 0 : call(...values)),
      });
    }
    equal(recorder.config.categories.console.enabled, true);
    const before = recorder.status().latest_seq;
    const reader = await recorder.reader({ afterSeq: before });
    equal(recorder.publish(EVENT), before + 1);
    await recorder.committed();
    equal(reader.tryRead().envelope.seq, before + 1);
    await recorder.close();
    for (let result = reader.tryRead(); !result.closed; result = reader.tryRead())
      equal("envelope" in result, true);
  }
}

/** Whether `value` is an object literal with these keys at most; null for any. @param {string[] | null} keys */
function isPlain(keys) {
  return (/** @type {any} */ value) => {
    try {
      if (typeof value !== "object" || value === null) return false;
      const prototype = Object.getPrototypeOf(value);
      if (prototype !== null && prototype !== Object.prototype) return false;
      return keys === null || Reflect.ownKeys(value).every((key) => keys.includes(String(key)));
    } catch {
      return false;
    }
  };
}

/** Whether `value` is an array whose elements can be read and are JSON. @param {any} value */
function isReadable(value) {
  try {
    if (!Array.isArray(value)) return false;
    JSON.stringify(value);
    return Array.from(value).every((element) => JSON.stringify(element) !== undefined);
  } catch {
    return false;
  }
}

/** @param {unknown} found @param {unknown} expected */
function equal(found, expected) {
  if (!Object.is(found, expected)) throw new Error(`expected ${String(expected)}, got ${String(found)}`);
}

/** @param {unknown} error */
function described(error) {
  try {
    return String(error);
  } catch {
    return "what cannot be read";
  }
}
