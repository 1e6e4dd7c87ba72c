/**
 * Details of events that are recorded at `standard`: what `verbose` would have stored of them.
 *
 * They stay here, in the page's process, for 30 seconds and within a budget; the oldest are dropped first. They are
 * sent when an error, a failed request or the worker asks for them (see `worker/producers/detail_triggers.ts`). A
 * detail names the seq of its event, so one whose event is not committed yet is sent when it is. A detail of 0 belongs
 * to no event, and is one itself.
 */

const MAX_AGE_MS = 30_000;
const MAX_DETAILS = 500;
/** UTF-16 units of one document's details. */
const MAX_LENGTH = 2 << 20;

interface Detail {
  id: number;
  line: string;
  keptAt: number;
  seq: number | null;
  /** It was asked for before its seq was known. */
  isDue: boolean;
}

export class Details {
  #details: Detail[] = [];
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly send: (line: string) => void) {}

  /** Keeps a detail of the hook: its number, a blank, and its line. */
  keep(detail: string): void {
    const blank = detail.indexOf(" ");
    const line = detail.slice(blank + 1);
    if (line.length > MAX_LENGTH) return;
    const id = Number(detail.slice(0, blank));
    this.#details.push({ id, line, keptAt: performance.now(), seq: null, isDue: false });
    this.#length += line.length;
    this.#dropOld();
  }

  /** The events of these numbers are committed, with these seqs. */
  committed(seqs: [id: number, seq: number][]): void {
    const byId = new Map(seqs);
    for (const detail of this.#details) detail.seq = byId.get(detail.id) ?? detail.seq;
    this.#sendDue();
  }

  /** Sends everything that is kept. */
  handOver(): void {
    this.#dropOld();
    for (const detail of this.#details) detail.isDue = true;
    this.#sendDue();
  }

  clear(): void {
    this.#details = [];
    this.#length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #sendDue(): void {
    const kept: Detail[] = [];
    for (const detail of this.#details) {
      const { id, line, seq, isDue } = detail;
      if (!isDue || (id > 0 && seq === null)) {
        kept.push(detail);
        continue;
      }
      this.#length -= line.length;
      this.send(id === 0 ? line : `${line.slice(0, -1)},"detail_of":${seq}}`);
    }
    this.#details = kept;
  }

  #dropOld(): void {
    const now = performance.now();
    let dropped = 0;
    for (const { line, keptAt } of this.#details) {
      const isOver = this.#details.length - dropped > MAX_DETAILS || this.#length > MAX_LENGTH;
      if (!isOver && now - keptAt < MAX_AGE_MS) break;
      this.#length -= line.length;
      dropped++;
    }
    this.#details.splice(0, dropped);
    if (this.#details.length === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#dropOld();
    }, MAX_AGE_MS);
  }
}
