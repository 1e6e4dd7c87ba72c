/** Values of the open session that the filter bar completes with. */
import { GAP_TYPE } from "../data/columns";
import type { Viewer } from "../state";
import type { Known } from "./complete";

/** Newest rows that are searched for tabs to offer. */
const KNOWN_ROWS = 20_000;
const MOST_SITES = 200;

export function knownTo(viewer: Viewer): Known {
  const feed = viewer.view.feed.value;
  const tabs = new Set<string>();
  if (feed !== null) {
    for (let i = Math.max(0, feed.length - KNOWN_ROWS); i < feed.length; i++) {
      const { tab } = feed.at(i);
      if (tab >= 0) tabs.add(String(tab));
    }
  }
  return {
    categories: Object.keys(viewer.session.value?.categories ?? {}),
    types: viewer.view.dictionary.types.list.filter((type) => type !== GAP_TYPE).sort(),
    tabs: [...tabs],
    sites: [...viewer.view.lines.sites].slice(0, MOST_SITES),
  };
}
