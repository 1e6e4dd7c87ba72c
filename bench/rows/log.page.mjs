/**
 * In the page: from event objects to a finished IndexedDB transaction, ours next to the floor and its peers; and, in
 * workers of their own, how long a recorder takes to continue a session that is in the log.
 */
import { Dexie } from "dexie";
import { openDB } from "idb";
import init, { CaptureSession, openCategoryLogs, openRecorder } from "../../dist/npm/index.js";
import { consoleCall } from "../lib/event.mjs";

const WASM = "/tabtape.wasm";
/** Events a transaction, everywhere. */
const GROUP = 500;
const EVENT_BYTES = 1_000;
/** `MAX_SEGMENT_BYTES` of the log. */
const SEGMENT_BYTES = 120 * 1024;

const WORDS =
  "user opened settings page changed preference saved retry request failed after timeout in cache miss";

/** Text that a compressor finds about as much in as in what applications log. */
function textOf(seq, length) {
  const words = WORDS.split(" ");
  let text = "";
  for (let at = seq * 7 + 1; text.length < length; at = (at * 48_271) % 2_147_483_647) {
    text += `${words[at % words.length]} ${at % 3 === 0 ? `${at.toString(36)} ` : ""}`;
  }
  return text.slice(0, length);
}

/** An event of about `bytes` as JSON, as a console call of an application is. */
function eventOf(seq, bytes) {
  const data = { text: "" };
  const event = consoleCall(1764000000123456 + seq, data);
  data.text = textOf(seq, Math.max(40, bytes - JSON.stringify(event).length));
  return event;
}

const groupsOf = (count, bytes) =>
  Array.from({ length: count / GROUP }, (_, group) =>
    Array.from({ length: GROUP }, (_, index) => eventOf(group * GROUP + index, bytes)),
  );

/** Returns a writer that publishes by `publish`, one group ahead of the current commit. */
async function tabtape(databaseName, durability, publish) {
  const log = await openCategoryLogs({ databaseName, durability });
  const session = new CaptureSession({ log, ringCapacity: 4_096, ringMaxBytes: 8 << 20 });
  return {
    async store(groups) {
      let before = session.latestSeq;
      for (const group of groups) {
        publish(session, group);
        await session.committed(before);
        before = session.latestSeq;
      }
      await session.committed();
    },
    close: () => session.close().then(() => log.close()),
  };
}

/** Each opens a database of its own, and then stores groups of events, one transaction a group. */
const contenders = {
  /** The least that can be done: the bytes are there already, and one value takes them all. */
  async floor(name, durability) {
    const database = await openDB(name, 1, { upgrade: (db) => void db.createObjectStore("values") });
    const encoder = new TextEncoder();
    const encoded = new Map();
    return {
      prepare(groups) {
        for (const group of groups) {
          encoded.set(group, encoder.encode(group.map((event) => JSON.stringify(event)).join("\n")));
        }
      },
      async store(groups) {
        for (const [key, group] of groups.entries()) {
          const transaction = database.transaction("values", "readwrite", { durability });
          transaction.store.put(encoded.get(group), key);
          await transaction.done;
        }
      },
      close: () => database.close(),
    };
  },
  /** The floor's bytes by the requests of our log's commit: the part of its cost that is not ours. */
  async same_requests(name, durability) {
    const database = await openDB(name, 1, {
      upgrade(db) {
        db.createObjectStore("segments");
        db.createObjectStore("heads").put({ latest: 0 }, "session");
      },
    });
    const encoder = new TextEncoder();
    const encoded = new Map();
    return {
      prepare(groups) {
        for (const group of groups) {
          const bytes = encoder.encode(group.map((event) => JSON.stringify(event)).join("\n"));
          const parts = Math.ceil(bytes.length / SEGMENT_BYTES);
          encoded.set(
            group,
            Array.from({ length: parts }, (_, n) => bytes.slice(n * SEGMENT_BYTES, (n + 1) * SEGMENT_BYTES)),
          );
        }
      },
      async store(groups) {
        for (const [key, group] of groups.entries()) {
          const transaction = database.transaction(["segments", "heads"], "readwrite", { durability });
          const heads = transaction.objectStore("heads");
          const head = heads.get("session");
          for (const [n, part] of encoded.get(group).entries())
            transaction.objectStore("segments").put(part, [key, n]);
          await head;
          heads.put({ latest: key }, "session");
          await transaction.done;
        }
      },
      close: () => database.close(),
    };
  },
  /** As relays send them: text, a line per event. */
  async tabtape_lines(name, durability) {
    const lines = new Map();
    return {
      ...(await tabtape(name, durability, (session, group) => session.publishBatch(lines.get(group)))),
      prepare(groups) {
        for (const group of groups) lines.set(group, group.map((event) => JSON.stringify(event)).join("\n"));
      },
    };
  },
  tabtape_objects: (name, durability) =>
    tabtape(name, durability, (session, group) => session.publishBatch(group)),
  async idb(name, durability) {
    const database = await openDB(name, 1, {
      upgrade: (db) => void db.createObjectStore("events", { autoIncrement: true }),
    });
    return {
      async store(groups) {
        for (const group of groups) {
          const transaction = database.transaction("events", "readwrite", { durability });
          for (const event of group) transaction.store.put(event);
          await transaction.done;
        }
      },
      close: () => database.close(),
    };
  },
  async dexie(name, durability) {
    const database = new Dexie(name, { chromeTransactionDurability: durability });
    database.version(1).stores({ events: "++" });
    await database.open();
    return {
      async store(groups) {
        for (const group of groups) await database.table("events").bulkPut(group);
      },
      close: () => database.close(),
    };
  },
};

/** Events a second, by contender, round by round. */
async function throughput({ names, durability, events, rounds }) {
  const groups = groupsOf(events, EVENT_BYTES);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      const database = `bench-${name}-${durability}-${round}`;
      const { prepare, store, close } = await contenders[name](database, durability);
      prepare?.(groups);
      // A first group opens what is opened lazily.
      await store(groups.slice(0, 1));
      const begin = performance.now();
      await store(groups);
      const elapsed = performance.now() - begin;
      await close();
      indexedDB.deleteDatabase(database);
      // The first round only warms up.
      if (round >= 0) rates[name].push((events * 1_000) / elapsed);
    }
  }
  return rates;
}

/** Longer than a recorder that has just committed waits with the next commit. */
const IDLE_MS = 30;

/** Milliseconds until one event alone is durable, by contender, round by round. */
async function latency({ names, durability, rounds }) {
  const groups = [[eventOf(0, EVENT_BYTES)]];
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const opened = new Map();
  for (const name of names) {
    const contender = await contenders[name](`bench-latency-${name}-${durability}`, durability);
    contender.prepare?.(groups);
    opened.set(name, contender);
  }
  for (let round = -1; round < rounds; round++) {
    for (const name of names) {
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
      const begin = performance.now();
      await opened.get(name).store(groups);
      // The first round only warms up.
      if (round >= 0) times[name].push(performance.now() - begin);
    }
  }
  for (const { close } of opened.values()) await close();
  return times;
}

/** A log of so many events, in commits as large as load makes them. @returns its session */
async function fill(databaseName, events) {
  const log = await openCategoryLogs({ databaseName });
  const session = new CaptureSession({ log });
  for (let at = 0; at < events; at += GROUP) {
    const group = Array.from({ length: Math.min(GROUP, events - at) }, (_, index) => eventOf(at + index, 0));
    const before = session.latestSeq;
    session.publishBatch(group);
    await session.committed(before);
  }
  await session.committed();
  log.close();
  return session.sessionId;
}

/** Milliseconds from a new worker's first line to its recorder's first event, by size of the log. */
async function recovery({ sizes, rounds }) {
  const times = {};
  for (const size of sizes) times[size] = { accepted: [], committed: [] };
  const sessions = new Map();
  for (const size of sizes) sessions.set(size, await fill(`bench-recovery-${size}`, size));
  for (let round = -1; round < rounds; round++) {
    for (const size of sizes) {
      const worker = new Worker("/bench.js");
      const told = new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      worker.postMessage({ databaseName: `bench-recovery-${size}`, sessionId: sessions.get(size) });
      const { accepted, committed, expected, seq } = await told;
      worker.terminate();
      if (seq <= expected) throw new Error(`seq ${seq} was spent before: the log holds ${expected}`);
      if (round < 0) continue;
      times[size].accepted.push(accepted);
      times[size].committed.push(committed);
    }
  }
  for (const size of sizes) indexedDB.deleteDatabase(`bench-recovery-${size}`);
  return times;
}

/** In a worker: continues a session as a service worker that was killed does. */
async function recover({ databaseName, sessionId }) {
  const began = performance.now();
  await init(WASM);
  const recorder = await openRecorder({
    databaseName,
    resume: { session_id: sessionId, epoch: 1 },
    start: { reason: "wake" },
    saveResume: async () => {},
  });
  const expected = recorder.status().committed_seq;
  const seq = recorder.publish(eventOf(0, 0));
  const accepted = performance.now() - began;
  await recorder.committed(seq);
  const committed = performance.now() - began;
  if (recorder.sessionId !== sessionId) throw new Error("another session was begun");
  return { accepted, committed, expected, seq };
}

export async function run(options) {
  await init(WASM);
  const result = {};
  for (const [durability, given] of Object.entries(options.throughput)) {
    result[durability] = await throughput({ durability, ...given });
    result[durability].latency = await latency({ durability, ...options.latency });
  }
  result.recovery = await recovery(options.recovery);
  return result;
}

if (typeof document === "undefined") {
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await recover(data));
}
