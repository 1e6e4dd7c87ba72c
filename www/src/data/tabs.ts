/** The names of tabs, learned from the records that are read: the title, the address, and a colour for each. */
import type { Event } from "../../../src/web/types";
import { asObject, asString } from "./record";

export interface TabName {
  title: string;
  /** Host with port, and path, of its page. */
  site: string;
  path: string;
  /** Whether the address is that of a page's own lines, because no event of the tab was read. */
  isOfLine: boolean;
}

/** Categories whose colours tabs have. */
const COLOURS = ["network", "interaction", "tab", "page", "other", "console"];
const MOST_TABS = 2_000;

export class TabNames {
  readonly #tabs = new Map<string, TabName & { colour: number }>();

  /** Learns from a record of a tab. An older record than those before fills in only what is unknown. */
  learn(session: number, tab: number, event: Event, isOlder: boolean): void {
    if (tab < 0) return;
    const { type, category, url, source } = event;
    const data = asObject(event.data);
    const isOfTab = category === "tab";
    const isOfPage = category === "page" && (source.metadata?.frame_id ?? "0") === "0";
    const title = isOfTab ? asString(data.title) : undefined;
    const name = this.#of(session, tab);
    if (name === undefined) return;
    const isOfLine =
      (category === "console" || category === "interaction") &&
      source.metadata?.document_id !== undefined &&
      (source.metadata.frame_id ?? "0") === "0" &&
      (name.site === "" || name.isOfLine);
    const address = isOfTab ? (asString(data.url) ?? url) : isOfPage || isOfLine ? url : undefined;
    const place = address === undefined ? null : /^https?:\/\/([^/?#]+)([^?#]*)/.exec(address);
    if (place !== null && (name.site === "" || !isOlder || (name.isOfLine && !isOfLine))) {
      const [, site = "", path = ""] = place;
      // The title is that of the document before until the new one is known.
      if (type === "page.navigation_committed" && !isOlder) name.title = "";
      name.site = site;
      name.isOfLine = isOfLine;
      name.path = path === "" ? "/" : path;
    }
    // While a page loads, its title is its address.
    const isTitle =
      title !== undefined &&
      title !== "" &&
      !/^(https?:\/\/|about:)/.test(title) &&
      !title.startsWith(name.site);
    if (isTitle && (name.title === "" || !isOlder)) name.title = title;
  }

  find(session: number, tab: number): (TabName & { colour: number }) | undefined {
    return this.#tabs.get(`${session}:${tab}`);
  }

  /** Returns the tabs of which something is known. */
  known(): { session: number; tab: number }[] {
    return [...this.#tabs.keys()].map((key) => {
      const [session = 0, tab = 0] = key.split(":").map(Number);
      return { session, tab };
    });
  }

  #of(session: number, tab: number): (TabName & { colour: number }) | undefined {
    const key = `${session}:${tab}`;
    let name = this.#tabs.get(key);
    if (name === undefined && this.#tabs.size < MOST_TABS) {
      name = { title: "", site: "", path: "", isOfLine: false, colour: this.#tabs.size % COLOURS.length };
      this.#tabs.set(key, name);
    }
    return name;
  }
}

export function dotStyle(name: { colour: number } | undefined): { background: string } {
  return { background: `var(--cat-${COLOURS[name?.colour ?? 0]})` };
}

/** Returns the short name of a tab: its title, else its path, else the end of its number. */
export function shortName(name: TabName | undefined, tab: number): string {
  if (name?.title) return name.title;
  if (name?.path) return name.path;
  const text = String(tab);
  return text.length > 5 ? `…${text.slice(-4)}` : text;
}

/** Returns the full name of a tab, with its site and its number. */
export function longName(name: TabName | undefined, tab: number): string {
  const place = name === undefined ? "" : `${name.site}${name.path}`;
  return [name?.title ?? "", place, `tab ${tab}`].filter((part) => part !== "").join(" · ");
}
