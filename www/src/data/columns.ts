/**
 * The headers of records as columns of numbers: about 70 bytes per record, so that a million of them can
 * be counted, binned and searched for the next error within one frame.
 *
 * Columns grow at their end only. Texts (types, categories, sessions) are interned in `Names` that all
 * columns of one view share.
 */

import { TextNumbers } from "./fold";
import { TabNames } from "./tabs";

/** Strings numbered from 0 in order of first sight. */
export class Names {
  readonly list: string[] = [];
  private readonly index = new Map<string, number>();

  id(name: string): number {
    let id = this.index.get(name);
    if (id === undefined) {
      id = this.list.push(name) - 1;
      this.index.set(name, id);
    }
    return id;
  }

  find(name: string): number {
    return this.index.get(name) ?? -1;
  }
}

/** The type of gaps in the column of types. */
export const GAP_TYPE = "gap";

/** The interned texts of one view. */
export class Dictionary {
  readonly sessions = new Names();
  readonly types = new Names();
  readonly categories = new Names();
  readonly documents = new Names();
  readonly tabs = new TabNames();
  readonly texts = new TextNumbers();
}

/** Returns a copy of an array of numbers with room for more. */
export function grown<T extends { set(from: T): void }>(from: T, capacity: number): T {
  const to = new (from.constructor as new (length: number) => T)(capacity);
  to.set(from);
  return to;
}

export interface Header {
  session: number;
  seq: number;
  /** The record's place for cursors: its position over all sessions, its seq within one. */
  at: number;
  /** Unix microseconds; a gap has the time of the record before it. */
  ts: number;
  type: number;
  category: number;
  /** 0 debug, 1 info, 2 warn, 3 error. */
  severity: number;
  /** -1 for none. */
  tab: number;
  /** How many seqs a gap covers; 0 for an event. */
  gap: number;
  /** The key of `foldKey`. */
  fold: number;
  /** The record's place in console groups, as `packNest` writes it. */
  nest: number;
  /** The key of `requestKey`. */
  request: number;
}

const FIRST_CAPACITY = 1024;

export class Columns {
  length = 0;
  session = new Uint16Array(FIRST_CAPACITY);
  seq = new Float64Array(FIRST_CAPACITY);
  place = new Float64Array(FIRST_CAPACITY);
  ts = new Float64Array(FIRST_CAPACITY);
  type = new Uint16Array(FIRST_CAPACITY);
  category = new Uint8Array(FIRST_CAPACITY);
  severity = new Uint8Array(FIRST_CAPACITY);
  tab = new Int32Array(FIRST_CAPACITY);
  gap = new Float64Array(FIRST_CAPACITY);
  fold = new Float64Array(FIRST_CAPACITY);
  nest = new Uint32Array(FIRST_CAPACITY);
  request = new Float64Array(FIRST_CAPACITY);

  push(header: Header): void {
    if (this.length === this.seq.length) this.grow();
    const i = this.length++;
    this.session[i] = header.session;
    this.seq[i] = header.seq;
    this.place[i] = header.at;
    this.ts[i] = header.ts;
    this.type[i] = header.type;
    this.category[i] = header.category;
    this.severity[i] = header.severity;
    this.tab[i] = header.tab;
    this.gap[i] = header.gap;
    this.fold[i] = header.fold;
    this.nest[i] = header.nest;
    this.request[i] = header.request;
  }

  at(i: number): Header {
    return {
      session: this.session[i] ?? 0,
      seq: this.seq[i] ?? 0,
      at: this.place[i] ?? 0,
      ts: this.ts[i] ?? 0,
      type: this.type[i] ?? 0,
      category: this.category[i] ?? 0,
      severity: this.severity[i] ?? 1,
      tab: this.tab[i] ?? -1,
      gap: this.gap[i] ?? 0,
      fold: this.fold[i] ?? 0,
      nest: this.nest[i] ?? 0,
      request: this.request[i] ?? 0,
    };
  }

  private grow(): void {
    const capacity = this.seq.length * 2;
    const { length: _, ...columns } = this;
    for (const [name, column] of Object.entries(columns))
      Object.assign(this, { [name]: grown(column as Float64Array, capacity) });
  }
}
