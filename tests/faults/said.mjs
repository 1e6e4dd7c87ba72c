/**
 * Lines of pages, counted by others than the product: by the pages' own server, and by Chromium's log of consoles.
 *
 * Each line carries its number and its time, so that a lost one can be held against what coverage says of its moment.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { storedOf } from "./ledger.mjs";

/** @typedef {import("./rig.mjs").Rig} Rig */

/** A page's clock is coarser than the recorder's reading of it. */
const CLOCK_MICROS = 2_000;

/** Says `NAME/ID:NUMBER @MICROSECONDS`, when asked to, and reports to its server how many lines that were. */
export const SPEAKER = `<!doctype html><meta charset="utf-8"><title>speaker</title><script>
  const { name, id: of, last = "3", next: goesTo } = Object.fromEntries(new URL(location).searchParams);
  // A page that is loaded again is another document.
  const id = of + "_" + Math.random().toString(36).slice(2, 10);
  let number = 0;
  const micros = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
  const tell = (what) => navigator.sendBeacon("/emitted", JSON.stringify({ name, id, count: number, what }));
  function log(count) {
    for (let n = 0; n < count; n++) console.log(name + "/" + id + ":" + number++ + " @" + micros());
  }
  function say(count, what = "burst") {
    log(count);
    tell(what);
  }
  /** Says lines in one task, which then ends only after some time. */
  function sayAndBlock(count, blockMs) {
    log(count);
    for (const began = performance.now(); performance.now() - began < blockMs; );
  }
  /** Never ends its task. */
  function sayForever(everyMs) {
    for (;;) {
      log(1);
      for (const began = performance.now(); performance.now() - began < everyMs; );
    }
  }
  addEventListener("pagehide", () => say(Number(last), "pagehide"));
  addEventListener("pageshow", (event) => { if (event.persisted) say(3, "pageshow"); });
  if (goesTo !== undefined) { say(2, "redirect"); location.replace(goesTo); }
</script>`;

/**
 * The time of each line that Chromium's own log has of `name`, by document and number.
 * @param {Rig} rig @param {string} name @returns {Promise<Map<string, Map<number, number>>>}
 */
export async function loggedLines(rig, name) {
  /** @type {Map<string, Map<number, number>>} */
  const documents = new Map();
  const line = new RegExp(`CONSOLE.*?"${name}/(\\w+):(\\d+) @(\\d+)`);
  for await (const text of createInterface({ input: createReadStream(rig.browserLog) })) {
    const [, id, number, micros] = line.exec(text) ?? [];
    if (id === undefined) continue;
    const numbers = documents.get(id) ?? new Map();
    documents.set(id, numbers.set(Number(number), Number(micros)));
  }
  return documents;
}

/** Adds what Chromium's log has to what the pages have reported. @param {Rig} rig @param {string} name */
export async function countLogged(rig, name) {
  for (const [id, numbers] of await loggedLines(rig, name))
    rig.emitted.tell(name, id, Math.max(...numbers.keys()) + 1);
}

/** Fields of a scenario whose pages may end at any moment: Chromium's log has what they said. @type {Pick<import("./suite.mjs").Scenario, "own" | "emitterKilled" | "prepare">} */
export const LOGGED = {
  own: true,
  emitterKilled: true,
  prepare(rig) {
    rig.logsConsole = true;
  },
};

/** @param {Rig} rig @returns {Promise<any[]>} The sessions of `/v1/coverage`. */
export async function coverageOf(rig) {
  return /** @type {any} */ (await (await rig.collector.fetch("/v1/coverage")).json()).sessions;
}

/**
 * Documents of `name` that lack lines although coverage neither lists the document as lost nor calls the time unwatched,
 * as it does when a worker is stopped before its first commit.
 * @param {Rig} rig @param {string} name @returns {Promise<string[]>}
 */
export async function unmarked(rig, name) {
  const [{ documents }, sessions, marks, logged] = await Promise.all([
    storedOf(rig.collector, name),
    coverageOf(rig),
    rig.collector.events(`type:system.relay_lost,system.relay_unconfirmed url:*name=${name}*`),
    loggedLines(rig, name),
  ]);
  const unwatched = sessions.flatMap((session) => session.unwatched);
  const lost = new Map(sessions.flatMap((session) => session.lost).map((mark) => [mark.document_id, mark]));
  const found = [];
  for (const [id, count] of rig.emitted.of(name)) {
    const stored = documents.get(id) ?? new Map();
    const missing = Array.from({ length: count }, (_, number) => number).filter(
      (number) => !stored.has(number),
    );
    const its = marks
      .filter(({ url }) => id.startsWith(`${new URL(url ?? "").searchParams.get("id")}_`))
      .flatMap(({ data }) => lost.get(/** @type {any} */ (data).document_id) ?? []);
    const outside = missing.filter((number) => {
      const micros = logged.get(id)?.get(number);
      if (
        micros !== undefined &&
        unwatched.some(({ from_ts, to_ts }) => micros >= from_ts && micros <= to_ts)
      )
        return false;
      return !its.some(
        ({ from_ts, to_ts }) =>
          micros === undefined || (micros >= from_ts - CLOCK_MICROS && micros <= to_ts + CLOCK_MICROS),
      );
    });
    if (outside.length === 0) continue;
    const first = logged.get(id)?.get(outside[0] ?? 0);
    found.push(
      `${id} lacks ${missing.length} of ${count}; unmarked are ${outside}, from ${first}; marks ${JSON.stringify(its)}`,
    );
  }
  return found;
}

/**
 * Lines that were lost in time which coverage calls watched, and how many were lost in all.
 * @param {Rig} rig @param {string} name
 */
export async function lostWhileWatched(rig, name) {
  const [{ documents }, sessions, logged] = await Promise.all([
    storedOf(rig.collector, name),
    coverageOf(rig),
    loggedLines(rig, name),
  ]);
  const events = await rig.collector.events(`type:console.log url:*name=${name}*`);
  /** The browser's name of a document, by ours. @type {Map<string, string | undefined>} */
  const names = new Map();
  for (const { data, source } of events) {
    const [, id = ""] = /\/(\w+):/.exec(String(/** @type {any} */ (data).text)) ?? [];
    names.set(id, source.metadata?.document_id);
  }
  const within = (
    /** @type {{ from_ts: number, to_ts: number | null }} */ { from_ts, to_ts },
    /** @type {number} */ ts,
  ) => ts >= from_ts && ts <= (to_ts ?? Number.POSITIVE_INFINITY);
  const found = [];
  let lost = 0;
  for (const [id, numbers] of logged) {
    for (const [number, ts] of numbers) {
      if (documents.get(id)?.has(number)) continue;
      lost++;
      const isClaimed = sessions.some(
        (session) =>
          session.watched.some((/** @type {any} */ stretch) => within(stretch, ts)) &&
          !session.unwatched.some((/** @type {any} */ stretch) => within(stretch, ts)) &&
          !session.lost.some(
            (/** @type {any} */ mark) =>
              mark.document_id === names.get(id) && within(mark, ts + CLOCK_MICROS),
          ),
      );
      if (isClaimed) found.push(`${id}:${number} at ${ts}`);
    }
  }
  return { found, lost };
}

/** Waits until every line is stored or marked. @param {Rig} rig @param {string} name */
export async function everythingIsMarked(rig, name) {
  /** @type {string[]} */
  let left = [];
  await rig
    .until(
      "every line to be stored or marked",
      async () => {
        await countLogged(rig, name);
        left = await unmarked(rig, name);
        return left.length === 0;
      },
      60_000,
    )
    .catch((error) => {
      throw left.length === 0 ? error : new Error(`neither stored nor marked: ${left.join("; ")}`);
    });
}
