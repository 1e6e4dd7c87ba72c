/** The logs of this browser as the popup reads them: their size, the counts of a session, and an export. */
import { type Signal, signal } from "@preact/signals";
import type { LogReader, LogStorage, SessionTally } from "../../src/web/index.ts";
import { count } from "../../www/src/data/time.ts";
import { download } from "../../www/src/ui/download.ts";
import { openLogs } from "../viewer/logs.ts";
import { attempt, done, problem, type RecorderNow } from "./state.ts";

const PAGE_RECORDS = 5_000;
const LOOK_EVERY_MS = 5_000;

export const storage: Signal<LogStorage | null> = signal(null);
/** The counts of the open session; null until they are known, and for a session that is in memory only. */
export const tally: Signal<(SessionTally & { session: string }) | null> = signal(null);
/** The number of records that a running export has read; null if none runs. */
export const exporting: Signal<number | null> = signal(null);

let opened: Promise<LogReader> | null = null;

function logs(): Promise<LogReader> {
  opened ??= openLogs();
  return opened;
}

/** Reads the size every few seconds while the popup is open. */
export async function watchStorage(): Promise<void> {
  try {
    storage.value = await (await logs()).storage();
    setTimeout(() => void watchStorage(), LOOK_EVERY_MS);
  } catch (error) {
    opened = null;
    problem.value = (error as Error).message;
  }
}

let isTallying = false;

/** Continues the count of a session. */
export async function tallySession({ session_id, committed_seq, state }: RecorderNow): Promise<void> {
  if (isTallying) return;
  isTallying = true;
  try {
    if (state === "volatile") tally.value = null;
    else tally.value = { session: session_id, ...(await tallied(session_id, committed_seq)) };
  } catch {
    // The recorder's own numbers are shown instead.
    tally.value = null;
    opened = null;
  } finally {
    isTallying = false;
  }
}

async function tallied(session: string, untilSeq: number): Promise<SessionTally> {
  const reader = await logs();
  for (let before = -1; ; ) {
    const counted = await reader.tally(session);
    if (counted.after_seq >= untilSeq || counted.after_seq === before) return counted;
    before = counted.after_seq;
  }
}

/** Counts again from the beginning, because records were deleted. */
export async function tallyAnew(): Promise<void> {
  (await opened)?.tallyAnew();
}

/** Exports every record of every session, oldest first, as it was committed. */
export async function exportLogs(): Promise<void> {
  let records = 0;
  exporting.value = 0;
  await attempt(async () => {
    const reader = await logs();
    // One blob per page of records: the browser keeps blobs outside of this page's memory.
    const parts: Blob[] = [];
    for (const { session } of await reader.sessions()) {
      let afterSeq = 0;
      for (let isLast = false; !isLast; ) {
        const page = await reader.read(session, afterSeq, "", PAGE_RECORDS);
        ({ afterSeq, isLast } = page);
        parts.push(new Blob(page.lines.map((line) => `${line}\n`)));
        records += page.lines.length;
        exporting.value = records;
      }
    }
    const file = new Blob(parts, { type: "application/x-ndjson" });
    download(file, `tabtape-${new Date().toISOString().slice(0, 10)}.ndjson`);
    done.value = `${count(records)} records exported`;
  });
  exporting.value = null;
}
