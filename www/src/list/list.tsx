/**
 * The virtualised list: of a million rows, about fifty are drawn.
 *
 * A row whose line is not in memory is drawn from its header, and completed when the line arrives. While
 * the list follows, the newest row stays in view; scrolling up ends that, and a button counts the new rows.
 */
import { untracked, useSignal, useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Feed } from "../data/feed";
import { count } from "../data/time";
import { useViewer, type Viewer } from "../state";
import { Icon } from "../ui/icon";
import { onPress } from "../ui/press";
import "./list.css";
import { MissingLines } from "./missing_lines";
import { Nothing } from "./nothing";
import { GapRow, Row } from "./row";
import { Slots } from "./slots";
import { Viewport } from "./viewport";

const ROW_PX = 24;
const OVERSCAN_ROWS = 8;
/** Rows of gaps that stay in sight above an empty state. */
const MOST_GAPS_ABOVE = 6;
const REST_MS = 160;

export interface ListHandle {
  page: number;
  reveal(row: number): void;
}

export function List({ handle }: { handle: { current: ListHandle | null } }) {
  const viewer = useViewer();
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useMemo(() => new Viewport(ROW_PX, innerHeight), []);
  const moved = useSignal(0);
  const rows = viewer.view.rows.value;
  const feed = viewer.view.feed.value;
  /** The rows in front of which history grows, and of the first record that was read, when they were rendered last. */
  const tailRow = useRef(-1);
  const firstReadRow = useRef(-1);
  const shownFeed = useRef<Feed | null>(null);
  const unrevealed = useRef(false);
  /** The selected row of this rendering. Rows that have come since are not in the page yet. */
  const renderedRow = useRef(-1);
  const isMeasured = useRef(false);
  /** Position that this component last scrolled to; null once a person has scrolled. */
  const placed = useRef<number | null>(null);
  /** The position to scroll to once the rows of this rendering are in the page; null for none. */
  const due = useRef<number | null>(null);
  const slots = useMemo(() => new Slots(), []);
  const missing = useMemo(() => new MissingLines(viewer), [viewer]);
  viewport.rows = rows.length;
  if (viewer.view.following.value && viewport.top !== viewport.maxTop) {
    due.current = viewport.moveTo(viewport.maxTop);
  }
  void moved.value;
  void viewer.view.linesVersion.value;
  void viewer.originalPlaces.version.value;

  const place = useCallback((element: HTMLElement, physicalTop: number) => {
    element.scrollTop = physicalTop;
    // The browser rounds the number, and limits it to the scroller's height.
    placed.current = element.scrollTop;
  }, []);
  const put = useCallback((top: number) => {
    const element = scroller.current;
    if (element === null) return;
    place(element, viewport.moveTo(top));
    moved.value++;
  }, []);

  // Before painting: stay at the end while following, and stay where one was when history grew above.
  useLayoutEffect(() => {
    if (due.current !== null && scroller.current !== null) place(scroller.current, due.current);
    due.current = null;
    const isKnown = shownFeed.current === feed && firstReadRow.current >= 0 && rows.firstReadRow >= 0;
    const grewAbove = isKnown ? rows.firstReadRow - firstReadRow.current : 0;
    const isBelow = viewport.top >= tailRow.current * ROW_PX;
    tailRow.current = rows.tailRow;
    firstReadRow.current = rows.firstReadRow;
    if (shownFeed.current !== feed) unrevealed.current = viewer.selection.selected.value !== null;
    shownFeed.current = feed;
    const wasInView = renderedRow.current >= 0 && viewport.topToShow(renderedRow.current) === viewport.top;
    renderedRow.current = viewer.selection.row;
    // A selection from the address, the keyboard or the details comes into view once its row is read.
    let hasRevealed = false;
    if (unrevealed.current && isMeasured.current) {
      const row = viewer.selection.row;
      if (row >= 0) {
        unrevealed.current = false;
        hasRevealed = true;
        const top = viewport.topToShow(row);
        const far = Math.abs(top - viewport.top) > viewport.height;
        if (top !== viewport.top) put(far ? row * ROW_PX - viewport.height / 3 : top);
      }
    }
    if (viewer.view.following.value) {
      if (hasRevealed) put(viewport.maxTop);
    } else if (!hasRevealed && grewAbove !== 0 && isBelow && viewer.view.range.value === null) {
      put(viewport.top + grewAbove * ROW_PX);
      // A late record does not move by as many rows as those that were in time.
      if (wasInView && renderedRow.current >= 0) put(viewport.topToShow(renderedRow.current));
    } else if (viewport.top > viewport.maxTop) {
      put(viewport.maxTop);
    }
  });

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let resting: ReturnType<typeof setTimeout> | undefined;
    let screenTop = element.getBoundingClientRect().top;
    const resize = new ResizeObserver(() => {
      const shift = element.getBoundingClientRect().top - screenTop;
      screenTop += shift;
      const row = renderedRow.current;
      const isFirst = !isMeasured.current;
      const wasInView = row >= 0 && !isFirst && viewport.topToShow(row) === viewport.top;
      isMeasured.current = true;
      viewport.height = element.clientHeight;
      if (!viewer.view.following.value) {
        // A panel that opens above covers rows; the others stay where they are, and the selected row stays in view.
        if (!isFirst && shift !== 0) put(viewport.top + shift);
        if (wasInView) put(viewport.topToShow(row));
      }
      moved.value++;
    });
    resize.observe(element);
    const scrolled = () => {
      const before = viewport.top;
      const seen = element.scrollTop;
      // The event comes a frame after this component has scrolled, and a key may have moved the selection since.
      if (seen === placed.current) return;
      placed.current = null;
      viewport.scrolled(seen);
      if (viewport.top < before && !viewport.atEnd) viewer.view.following.value = false;
      else if (viewport.atEnd && viewer.view.pausedAt.value === null) viewer.view.following.value = true;
      moved.value++;
      clearTimeout(resting);
      resting = setTimeout(() => {
        // It moves again already, and the next event will report that.
        if (element.scrollTop !== seen) return;
        const physicalTop = viewport.moveTo(viewport.top);
        if (Math.abs(element.scrollTop - physicalTop) > 1) place(element, physicalTop);
      }, REST_MS);
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      resize.disconnect();
      element.removeEventListener("scroll", scrolled);
      clearTimeout(resting);
    };
  }, []);

  handle.current = {
    page: viewport.page,
    reveal: (row) => put(viewport.topToShow(row)),
  };

  useSignalEffect(() => {
    unrevealed.current = viewer.selection.selected.value !== null;
    moved.value = untracked(() => moved.value) + 1;
  });

  // The list is taken to be as high as the page until it has been measured: that is more rows than it shows.
  const { from, to } = viewport.range(isMeasured.current ? OVERSCAN_ROWS : 0);
  useEffect(() => missing.show(feed, rows, from, to));
  useEffect(() => () => missing.stop(), [missing]);

  slots.show(from, to);
  const drawn = [];
  let activeRow: string | undefined;
  let selectedRow: number | undefined;
  if (feed !== null) {
    const selected = viewer.selection.selected.value;
    for (let i = from; i < to; i++) {
      const shown = feed.at(rows.feedRow(i));
      const kind = rows.kindOf(i);
      // A request's row stays where the request began.
      const header = kind === "request" ? { ...shown, ts: feed.ts(rows.foldRow(i)) } : shown;
      const session = viewer.view.sessionName(header);
      const record = viewer.view.record(header);
      const isOpen = rows.isOpen(i);
      const size = rows.sizeOf(i);
      let isSelected = selected?.seq === header.seq && selected.session === session;
      // The selected record may be hidden in this row.
      if (!isSelected && selected !== null && size > 1 && !isOpen) {
        selectedRow ??= viewer.selection.row;
        isSelected = selectedRow === i;
      }
      const props = {
        header,
        index: i,
        y: i * ROW_PX + viewport.shift,
        selected: isSelected,
        record,
        original: viewer.originalPlaces.ofConsole(record),
        words: viewer.view.words.value,
        type: viewer.view.dictionary.types.list[header.type] ?? "",
        category: viewer.view.dictionary.categories.list[header.category] ?? "",
        tab: viewer.view.dictionary.tabs.find(header.session, header.tab),
        fold: kind,
        isOpen,
        size,
      };
      if (isSelected) activeRow = `row-${header.at}`;
      const key = slots.of(i);
      drawn.push(header.gap > 0 ? <GapRow key={key} {...props} /> : <Row key={key} {...props} />);
    }
  }

  const press = (event: MouseEvent) => {
    const target = event.target as Element;
    const row = target.closest<HTMLElement>("[data-row]");
    if (row === null) return;
    const index = Number(row.dataset.row);
    if (target.closest("[data-fold]") !== null) return viewer.view.setFold(index, !rows.isOpen(index));
    viewer.selection.selectRow(index);
    viewer.selection.detailOpen.value = true;
  };

  return (
    <section class="list" aria-label="Events">
      <div
        class="list-scroll"
        ref={scroller}
        role="listbox"
        aria-label={`${count(rows.records)} events`}
        aria-activedescendant={activeRow}
        tabIndex={0}
        {...onPress(press)}
      >
        <div class="list-size" role="presentation" style={{ height: `${viewport.physicalHeight}px` }}>
          {drawn}
        </div>
      </div>
      {(rows.length === 0 || onlyGaps(feed)) && (
        <Nothing top={Math.min(rows.length, MOST_GAPS_ABOVE) * ROW_PX} />
      )}
      <Latest viewer={viewer} atEnd={viewport.atEnd} onJump={() => put(viewport.maxTop)} />
    </section>
  );
}

/** Gaps are in the list whatever the filter is, because their records might have matched. */
function onlyGaps(feed: Feed | null): boolean {
  return feed?.complete.value === true && feed.length === feed.gapRows;
}

/** A button that returns to the newest row, with the number of rows that came since. */
function Latest({ viewer, atEnd, onJump }: { viewer: Viewer; atEnd: boolean; onJump: () => void }) {
  const seen = useRef(0);
  const feed = viewer.view.feed.value;
  void feed?.version.value;
  const length = feed?.tail.length ?? 0;
  const following = viewer.view.following.value && viewer.view.pausedAt.value === null;
  if (following || feed === null) {
    seen.current = length;
    return null;
  }
  if (viewer.view.rows.value.length === 0 || viewer.view.range.value !== null) return null;
  seen.current = Math.min(Math.max(seen.current, feed.historyRows), length);
  const since = length - seen.current;
  if (since === 0 && atEnd) return null;
  return (
    <button
      type="button"
      class="latest"
      onClick={() => {
        viewer.view.pausedAt.value = null;
        viewer.view.following.value = true;
        onJump();
      }}
    >
      <Icon name="down" />
      {since > 0 ? `${count(since)} new` : "Latest"}
    </button>
  );
}
