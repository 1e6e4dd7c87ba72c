/** The session picker: every session of the store by name, newest first, with its events and its missing records. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ALL_SESSIONS, type SessionSummary } from "../data/source";
import { count, duration, shortCount } from "../data/time";
import { useViewer, type Viewer } from "../state";
import { missingIn } from "../stores/sessions";
import { categoryClass } from "../ui/category";
import { Icon } from "../ui/icon";
import { IconButton } from "../ui/icon_button";
import { Popover } from "../ui/popover";
import { typedInto } from "../ui/typed";
import { allOf } from "./all";
import { nameOf } from "./name";
import "./sessions.css";

/** A session with a record younger than this is still being recorded. */
const FRESH_MICROS = 60e6;
/** Sessions whose sites are read when the picker opens: the others have their time as a name. */
const MOST_NAMED = 40;

export function Sessions() {
  const viewer = useViewer();
  const session = viewer.session.value;
  const now = Date.now() * 1000;
  useEffect(() => {
    if (session !== null) void viewer.sites.read(session);
  }, [session]);
  const name = session === null ? "No session" : sessionName(viewer, session);
  return (
    <Popover
      name="Choose a session"
      class="session-button"
      label={
        <>
          <span class={`session-live${isFresh(session, now) ? " on" : ""}`} aria-hidden="true" />
          <span class="sr">Session: </span>
          <span class="session-name" title={name}>
            {name}
          </span>
          <Icon name="chevron" />
        </>
      }
    >
      {(close) => <SessionList close={close} />}
    </Popover>
  );
}

function SessionList({ close }: { close: () => void }) {
  const viewer = useViewer();
  const find = useSignal("");
  const unwatched = useUnwatched(viewer);
  const all = viewer.sessions.list.value ?? [];
  useEffect(() => {
    void (async () => {
      for (const session of all.slice(0, MOST_NAMED)) await viewer.sites.read(session);
    })();
  }, []);
  const { value: opened } = viewer.view.sessionId;
  const open = (id: string) => () => {
    viewer.compareWith.value = null;
    viewer.openSession(id);
    close();
  };
  const compare = (id: string) => () => {
    viewer.compareWith.value = id;
    close();
  };
  const needle = find.value.toLowerCase();
  const shown = all.filter(
    (s) => needle === "" || `${sessionName(viewer, s)} ${s.id}`.toLowerCase().includes(needle),
  );
  return (
    <div class="sessions">
      {all.length > 6 && (
        <input
          class="sessions-find"
          type="search"
          placeholder="Find a session"
          aria-label="Find a session"
          value={find.value}
          onInput={typedInto(find)}
        />
      )}
      {shown.length === 0 && (
        <p class="sessions-none dim">
          {all.length === 0 ? "Nothing recorded yet." : "No session like this."}
        </p>
      )}
      <ul>
        {all.length > 1 && needle === "" && (
          <SessionRow
            session={allOf(all)}
            current={opened === ALL_SESSIONS}
            unwatched={[...unwatched.values()].reduce((sum, micros) => sum + micros, 0)}
            open={open(ALL_SESSIONS)}
            compare={null}
          />
        )}
        {shown.slice(0, 200).map((s) => (
          <SessionRow
            key={s.id}
            session={s}
            current={s.id === opened}
            unwatched={unwatched.get(s.id) ?? 0}
            open={open(s.id)}
            compare={[null, ALL_SESSIONS, s.id].includes(opened) ? null : compare(s.id)}
          />
        ))}
      </ul>
    </div>
  );
}

interface SessionRowProps {
  session: SessionSummary;
  current: boolean;
  /** Microseconds that were not recorded because the recorder's worker was down. */
  unwatched: number;
  open: () => void;
  compare: (() => void) | null;
}

function SessionRow({ session: s, current, unwatched, open, compare }: SessionRowProps) {
  const viewer = useViewer();
  const now = Date.now() * 1000;
  const name = sessionName(viewer, s);
  const length = s.first_ts !== null && s.last_ts !== null ? duration(s.last_ts - s.first_ts) : "";
  return (
    <li class={current ? "current" : undefined}>
      <button type="button" class="session-open" aria-current={current ? "true" : undefined} onClick={open}>
        <span class="session-line">
          <span class={`session-live${isFresh(s, now) ? " on" : ""}`} aria-hidden="true" />
          <span class="session-name" title={viewer.sites.of(s.id).join("\n")}>
            {name}
          </span>
        </span>
        <Share categories={s.categories} />
        <span class="session-line session-facts">
          <span>{count(s.events)} events</span>
          <span>{length}</span>
          {s.id === ALL_SESSIONS && s.severities.error > 0 && (
            <span class="session-errors">{shortCount(s.severities.error)} errors</span>
          )}
          {missingIn(s) > 0 && <span class="session-gaps">{shortCount(missingIn(s))} missing</span>}
          {unwatched > 0 && (
            <span class="session-gaps" title="The recorder's worker was down, so nothing was recorded">
              {duration(unwatched)} not recorded
            </span>
          )}
          {s.id === ALL_SESSIONS ? null : <span class="session-id mono">{s.id.slice(-8)}</span>}
        </span>
      </button>
      {compare === null ? null : (
        <IconButton
          icon="compare"
          title="Compare with the open session"
          label={`Compare with ${name}`}
          onClick={compare}
        />
      )}
    </li>
  );
}

/** Reads, when the picker opens, for how long each session was not recorded. */
function useUnwatched(viewer: Viewer): Map<string, number> {
  const found = useSignal(new Map<string, number>());
  useEffect(() => {
    viewer.source
      .coverage(ALL_SESSIONS)
      .then((sessions) => {
        const sums = [...sessions].map(([id, { unwatched }]): [string, number] => [
          id,
          unwatched.reduce((sum, { from_ts, to_ts }) => sum + to_ts - from_ts, 0),
        ]);
        found.value = new Map(sums);
      })
      // The picker works without it, and the list shows the error.
      .catch(() => undefined);
  }, []);
  return found.value;
}

/** The shares of a session's categories, as one thin bar. */
function Share({ categories }: { categories: Record<string, number> }) {
  const parts = Object.entries(categories).filter(([, n]) => n > 0);
  return (
    <span class="share" role="img" aria-label={parts.map(([name, n]) => `${name} ${count(n)}`).join(", ")}>
      {parts.map(([name, n]) => (
        <span key={name} class={categoryClass(name)} style={{ flexGrow: n }} />
      ))}
    </span>
  );
}

export function sessionName({ sites }: Viewer, session: SessionSummary): string {
  if (session.id === ALL_SESSIONS) return session.producer;
  return nameOf(session, sites.of(session.id), Date.now() * 1000);
}

function isFresh(session: SessionSummary | null, now: number): boolean {
  return session !== null && session.last_ts !== null && now - session.last_ts < FRESH_MICROS;
}
