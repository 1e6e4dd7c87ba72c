/** The sites of sessions, with their ports, learned from the addresses of their tabs and navigations. */
import { type Signal, signal } from "@preact/signals";
import type { Event } from "../../../src/web/types";
import { asObject, asString, eventsIn } from "../data/record";
import { ALL_SESSIONS, type DataSource, type SessionSummary } from "../data/source";

const QUERY = "type:page.navigation_committed,page.history_updated,tab.updated,tab.activated";
const PAGE_LINES = 500;
/** The first pages of a session name it well enough. */
const MOST_PAGES = 10;

interface Known {
  /** Records by site. */
  sites: Map<string, number>;
  cursor: string | null;
  pages: number;
  /** The number of records of tabs and pages at the last look. */
  seen: number;
}

export class SessionSites {
  /** Changes when sites were learned. */
  readonly version: Signal<number> = signal(0);
  readonly #known = new Map<string, Known>();
  readonly #reading = new Set<string>();

  constructor(private readonly source: DataSource) {}

  /** Returns the sites of a session, the most used first. */
  of(id: string): string[] {
    void this.version.value;
    const sites = [...(this.#known.get(id)?.sites ?? [])];
    return sites.sort(([, a], [, b]) => b - a).map(([site]) => site);
  }

  /** Reads what was recorded of tabs and pages since the last call. */
  async read({ id, producer, categories }: SessionSummary): Promise<void> {
    if (id === ALL_SESSIONS || producer !== "" || this.#reading.has(id)) return;
    const known = this.#known.get(id) ?? { sites: new Map(), cursor: null, pages: 0, seen: 0 };
    const now = (categories.page ?? 0) + (categories.tab ?? 0);
    if (now === known.seen) return;
    this.#reading.add(id);
    try {
      for (; known.pages < MOST_PAGES; known.pages++) {
        const page = await this.source.read({ session: id, q: QUERY }, known.cursor, PAGE_LINES);
        for (const { event } of eventsIn(page.lines)) learn(known.sites, event);
        known.cursor = page.next;
        if (page.end) break;
      }
      known.seen = now;
      this.#known.set(id, known);
      this.version.value++;
    } catch {
      // The session has its time as a name, and the list shows why nothing can be read.
    } finally {
      this.#reading.delete(id);
    }
  }
}

function learn(sites: Map<string, number>, { url, data, source }: Event): void {
  if ((source.metadata?.frame_id ?? "0") !== "0") return;
  const site = /^https?:\/\/([^/?#]+)/.exec(url ?? asString(asObject(data).url) ?? "")?.[1];
  if (site !== undefined) sites.set(site, (sites.get(site) ?? 0) + 1);
}
