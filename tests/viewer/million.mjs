/**
 * A store of a million records, made once and kept in the cache: what is looked at in it is a copy.
 *
 * Its one session is small records that name their seq; every 50,000th is a gap of one, every 1,000th an error.
 */
import { constants, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDir, root } from "../../scripts/lib/paths.mjs";
import { hashOf } from "../../scripts/lib/stamp.mjs";
import { Store } from "./collector.mjs";
import { sessionId } from "./tape.mjs";

export const COUNT = 1_000_000;
export const SESSION = sessionId(1_000_000);
/** The seq of the one record that holds the word "needle". */
export const NEEDLE = 654_321;
const START = Date.UTC(2026, 0, 5, 9) * 1000;
/** Records of this time are older than every default retention. */
const KEEP = ["--retention-age", "36500d", "--retention-bytes", "64GiB"];

function* numbered() {
  const source = { kind: "extension", event: "console.log", metadata: { tab_id: "7" } };
  for (let seq = 1; seq <= COUNT; seq++) {
    const gap = { first_seq: seq, last_seq: seq, category: "console", reason: "quota" };
    const type = seq % 1_000 === 0 ? "console.error" : "console.log";
    const text = seq === NEEDLE ? `record ${seq} holds a needle` : `record ${seq}`;
    const event = {
      ts: START + seq * 3_000,
      type,
      category: "console",
      detail_level: "standard",
      source,
      data: { text },
    };
    const body = seq % 50_000 === 25_000 ? { gap } : { seq, event };
    yield { seq, lastSeq: seq, line: JSON.stringify({ capture_session_id: SESSION, ...body }) };
  }
}

/** A collector on a copy of that store. */
export async function millionStore() {
  const folder = mkdtempSync(join(tmpdir(), "tabtape-million-"));
  cpSync(await kept(), folder, { recursive: true, mode: constants.COPYFILE_FICLONE });
  return Store.start(folder, KEEP);
}

/** The folder in the cache, filled if it is not. */
async function kept() {
  const shape = hashOf([join(root, "collector/src/store/format/schema.rs")]).slice(0, 16);
  const folder = join(cacheDir("stores"), `million-${shape}`);
  if (existsSync(folder)) return folder;
  // Two that make it at once make it twice; the first one to finish stays.
  const making = mkdtempSync(`${folder}.`);
  const store = await Store.start(making, KEEP);
  await store.deliver(SESSION, numbered());
  await indexed(store);
  await store.collector.stop();
  try {
    renameSync(making, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

/** The index takes whole blocks of positions; what is left of the last one is searched without it. */
const INDEX_BLOCK = 1_000;

/** Everything stored is in the index. @param {Store} store */
async function indexed(store) {
  for (;;) {
    const reply = await store.fetch("/v1/events?format=json&coverage=false&after=latest&limit=1");
    const { indexed_to, read_to } = await reply.json();
    if (indexed_to > read_to - INDEX_BLOCK) return;
    await sleep(100);
  }
}
