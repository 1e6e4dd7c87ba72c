/**
 * The lines held in memory, bounded by their characters. The lines read last are kept; another line is
 * read again when its row comes into view.
 */
import type { LineRecord } from "./record";
import { parseLine } from "./record";

/** About 100 MB as two-byte strings; most lines are one-byte. */
const MAX_CHARS = 50_000_000;
const MAX_SITES = 1_000;
/** Parsed records kept: a few screens of rows. */
const MAX_PARSED = 2_000;

export class Lines {
  private readonly lines = new Map<number, Map<number, string>>();
  private readonly order: { session: number; seq: number; chars: number }[] = [];
  private first = 0;
  private chars = 0;
  private readonly parsed = new Map<string, LineRecord | null>();

  /** Hosts of the records, which the filter bar offers. */
  readonly sites = new Set<string>();

  saw(url: string): void {
    const host = /^https?:\/\/([^/?#@]+)/.exec(url)?.[1];
    if (host !== undefined && this.sites.size < MAX_SITES) this.sites.add(host);
  }

  put(session: number, seq: number, line: string): void {
    let of = this.lines.get(session);
    if (of === undefined) {
      of = new Map();
      this.lines.set(session, of);
    }
    const known = of.get(seq);
    if (known === line) return;
    // A deleted record has become a gap.
    if (known !== undefined) this.parsed.delete(`${session}:${seq}`);
    of.set(seq, line);
    this.order.push({ session, seq, chars: line.length });
    this.chars += line.length;
    while (this.chars > MAX_CHARS && this.first < this.order.length - 1) {
      const oldest = this.order[this.first++];
      if (oldest === undefined) break;
      this.lines.get(oldest.session)?.delete(oldest.seq);
      this.chars -= oldest.chars;
    }
    if (this.first > 65_536) {
      this.order.splice(0, this.first);
      this.first = 0;
    }
  }

  clear(): void {
    this.lines.clear();
    this.parsed.clear();
    this.sites.clear();
    this.order.length = 0;
    this.first = 0;
    this.chars = 0;
  }

  /** Characters held. */
  get size(): number {
    return this.chars;
  }

  has(session: number, seq: number): boolean {
    return this.lines.get(session)?.has(seq) ?? false;
  }

  line(session: number, seq: number): string | undefined {
    return this.lines.get(session)?.get(seq);
  }

  /** The parsed record, undefined while its line is not held. */
  record(session: number, seq: number): LineRecord | undefined {
    const key = `${session}:${seq}`;
    const known = this.parsed.get(key);
    if (known !== undefined) return known ?? undefined;
    const line = this.line(session, seq);
    if (line === undefined) return undefined;
    const record = parseLine(line);
    if (this.parsed.size >= MAX_PARSED) {
      for (const old of this.parsed.keys()) {
        this.parsed.delete(old);
        if (this.parsed.size < MAX_PARSED * 0.75) break;
      }
    }
    this.parsed.set(key, record);
    return record ?? undefined;
  }
}
