/**
 * The screenshots in view, below the event rate at their times. Arrow keys step through them, and the list follows.
 *
 * A screenshot that would lie on the one before it is left out until it is selected.
 */
import { batch } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Feed } from "../data/feed";
import type { Range } from "../data/range";
import { clock, count } from "../data/time";
import { useViewer, type Viewer } from "../state";
import "./screenshots.css";

const THUMBNAIL_PX = 62;
const GAP_PX = 2;

interface Shot {
  session: string;
  seq: number;
  ts: number;
}

export function Screenshots({ width }: { width: number }) {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  const range = viewer.view.range.value;
  const shots = useMemo(
    () => shotsOf(viewer, feed, range),
    [feed, feed?.version.value, range, viewer.view.dictionary.types.list.length],
  );
  const selected = viewer.selection.selected.value;
  const at = shots.findIndex(({ session, seq }) => session === selected?.session && seq === selected.seq);
  const strip = useRef<HTMLDivElement>(null);
  const { from, to } = viewer.domain.value;
  const placed = placedIn(shots, at, (ts) => ((ts - from) / Math.max(1, to - from)) * width, width);
  for (const { shot } of placed) viewer.thumbnails.ask(shot.session, shot.seq);
  // The selected one was not drawn before, and the one with the focus may not be drawn any more.
  const isStepping = useRef(false);
  useEffect(() => {
    if (isStepping.current) strip.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
    isStepping.current = false;
  }, [at]);
  if (shots.length === 0 || width < THUMBNAIL_PX) return null;

  const select = (i: number, opens = false) => {
    const shot = shots[Math.min(shots.length - 1, Math.max(0, i))];
    if (shot === undefined) return;
    batch(() => {
      if (viewer.mode.value === "network") viewer.show("events");
      viewer.selection.selected.value = { session: shot.session, seq: shot.seq };
      if (opens) viewer.selection.detailOpen.value = true;
      viewer.view.following.value = false;
    });
  };
  const keydown = (event: KeyboardEvent) => {
    const now = at < 0 ? shots.length : at;
    if (event.key === "ArrowLeft") select(now - 1);
    else if (event.key === "ArrowRight") select(now + 1);
    else if (event.key === "Home") select(0);
    else if (event.key === "End") select(shots.length - 1);
    else return;
    isStepping.current = true;
    event.preventDefault();
    event.stopPropagation();
  };
  const reachable = at < 0 ? placed.at(-1)?.index : at;
  return (
    <div
      ref={strip}
      class="screenshots"
      role="toolbar"
      aria-label={`${count(shots.length)} screenshots. Arrow keys select the next one.`}
      onKeyDown={keydown}
    >
      {placed.map(({ shot, index, left }) => {
        const thumbnail = viewer.thumbnails.find(shot.session, shot.seq);
        const why = thumbnail === undefined ? "" : `, ${thumbnail.why}`;
        return (
          <button
            key={`${shot.session} ${shot.seq}`}
            type="button"
            style={{ left: `${left}px` }}
            tabIndex={index === reachable ? 0 : -1}
            aria-current={index === at ? "true" : undefined}
            aria-label={`Screenshot at ${clock(shot.ts)}${why}`}
            title={`${clock(shot.ts)}${why}`}
            onClick={() => select(index, true)}
          >
            {thumbnail?.image ? <img src={thumbnail.image} alt="" /> : null}
          </button>
        );
      })}
    </div>
  );
}

/** Returns the screenshots among the records in view, by time. */
function shotsOf(viewer: Viewer, feed: Feed | null, range: Range | null): Shot[] {
  const { types, sessions } = viewer.view.dictionary;
  const type = types.find("page.screenshot");
  if (feed === null || type < 0) return [];
  const shots: Shot[] = [];
  for (const part of [feed.head, feed.tail]) {
    for (let i = part.type.indexOf(type); i >= 0 && i < part.length; i = part.type.indexOf(type, i + 1)) {
      const ts = part.ts[i] ?? 0;
      if (range !== null && (ts < range.from || ts > range.to)) continue;
      const session = sessions.list[part.session[i] ?? 0] ?? "";
      shots.push({ session, seq: part.seq[i] ?? 0, ts });
    }
  }
  return shots.sort((a, b) => a.ts - b.ts);
}

/** Returns the screenshots that have room, and always the selected one. */
function placedIn(shots: Shot[], selected: number, x: (ts: number) => number, width: number) {
  const placed: { shot: Shot; index: number; left: number }[] = [];
  const leftOf = ({ ts }: Shot) => Math.min(width - THUMBNAIL_PX, Math.max(0, x(ts) - THUMBNAIL_PX / 2));
  let end = -GAP_PX;
  for (const [index, shot] of shots.entries()) {
    const left = leftOf(shot);
    if (left < end + GAP_PX && index !== selected) continue;
    placed.push({ shot, index, left });
    end = Math.max(end, left + THUMBNAIL_PX);
  }
  return placed;
}
