/** The tab picker: the tabs of the session by name, with the number of their records. A choice becomes `tab:` terms. */
import type { Columns } from "../data/columns";
import { ALL_SESSIONS } from "../data/source";
import { dotStyle, longName, shortName } from "../data/tabs";
import { count } from "../data/time";
import { useViewer, type Viewer } from "../state";
import { Icon } from "../ui/icon";
import { Popover } from "../ui/popover";
import "./tabs.css";
import { valuesOf, withValues } from "./text";

interface Tab {
  session: number;
  tab: number;
  records: number;
}

const MOST_LISTED = 100;

export function TabPicker() {
  const viewer = useViewer();
  const chosen = valuesOf(viewer.view.q.value, "tab");
  void viewer.view.feed.value?.version.value;
  const [only] = chosen;
  const label =
    only === undefined
      ? "All tabs"
      : chosen.length > 1
        ? `${chosen.length} tabs`
        : nameOf(viewer, Number(only));
  return (
    <div class="tab-picker">
      <Popover
        name="Choose tabs"
        class="tab-button"
        label={
          <>
            <span class="sr">Tabs: </span>
            <span class="tab-name">{label}</span>
            <Icon name="chevron" />
          </>
        }
      >
        {() => <TabList />}
      </Popover>
    </div>
  );
}

function TabList() {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  void feed?.version.value;
  const chosen = valuesOf(viewer.view.q.value, "tab");
  const { value: id } = viewer.view.sessionId;
  const isOverAll = id === ALL_SESSIONS;
  const open = viewer.view.dictionary.sessions.find(id ?? "");
  const tabs = feed === null ? [] : tabsOf([feed.head, feed.tail]);
  // A tab that the filter leaves out can still be chosen.
  for (const { session, tab } of viewer.view.dictionary.tabs.known()) {
    const isOfView = isOverAll || session === open;
    if (isOfView && !tabs.some((listed) => listed.session === session && listed.tab === tab))
      tabs.push({ session, tab, records: 0 });
  }
  const choose = (values: string[]) =>
    viewer.view.applyFilter(withValues(viewer.view.draft.value, "tab", values));
  return (
    <div class="sessions tab-list">
      <ul>
        <li class={chosen.length === 0 ? "current" : undefined}>
          <button
            type="button"
            class="session-open"
            aria-pressed={chosen.length === 0}
            onClick={() => choose([])}
          >
            All tabs
          </button>
        </li>
        {tabs.slice(0, MOST_LISTED).map(({ session, tab, records }) => {
          const name = viewer.view.dictionary.tabs.find(session, tab);
          const isChosen = chosen.includes(String(tab));
          return (
            <li key={`${session}:${tab}`} class={isChosen ? "current" : undefined}>
              <button
                type="button"
                class="session-open"
                aria-pressed={isChosen}
                title={longName(name, tab)}
                onClick={() =>
                  choose(isChosen ? chosen.filter((t) => t !== String(tab)) : [...chosen, String(tab)])
                }
              >
                <span class="session-line">
                  <span class="tab-dot" style={dotStyle(name)} aria-hidden="true" />
                  <span class="session-name">{shortName(name, tab)}</span>
                  <span class="dim">{count(records)}</span>
                </span>
                <span class="session-line session-facts">
                  <span>
                    {name === undefined || name.site === "" ? `tab ${tab}` : `${name.site}${name.path}`}
                  </span>
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Returns the tabs of the records, those with the most records first. */
function tabsOf(parts: Columns[]): Tab[] {
  const found = new Map<number, Tab>();
  for (const { tab: tabs, session: sessions, length } of parts) {
    for (let i = 0; i < length; i++) {
      const tab = tabs[i] ?? -1;
      if (tab < 0) continue;
      const session = sessions[i] ?? 0;
      const key = session * 2 ** 32 + tab;
      const known = found.get(key);
      if (known === undefined) found.set(key, { session, tab, records: 1 });
      else known.records++;
    }
  }
  return [...found.values()].sort((a, b) => b.records - a.records);
}

/** Returns the name of a tab of the open session. */
function nameOf(viewer: Viewer, tab: number): string {
  const session = viewer.view.dictionary.sessions.find(viewer.view.sessionId.value ?? "");
  return shortName(viewer.view.dictionary.tabs.find(session, tab), tab);
}
