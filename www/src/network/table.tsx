/**
 * The requests of a session as a table. Its columns sort, and its last one is a waterfall on the timeline's scale:
 * the whole session, or the range that is chosen there.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Range } from "../data/range";
import { bytes, clock, count, duration } from "../data/time";
import { withValues } from "../filter/text";
import { Viewport } from "../list/viewport";
import { useViewer } from "../state";
import { onPress } from "../ui/press";
import { RequestReader } from "./reader";
import { durationOf, hasFailed, type RequestRow, type SortColumn, type Sorting, sorted } from "./requests";
import "./table.css";

const ROW_PX = 24;
const OVERSCAN_ROWS = 8;
const LEAST_BAR_PERCENT = 0.4;

const COLUMNS: SortColumn[] = ["name", "method", "status", "type", "initiator", "size", "time"];

export function NetworkTable() {
  const viewer = useViewer();
  const feed = viewer.view.feed.value;
  const reader = useMemo(
    () =>
      feed === null
        ? null
        : new RequestReader(viewer.source, {
            session: feed.query.session,
            q: withValues(feed.query.q, "category", ["network"]),
          }),
    [feed],
  );
  useEffect(() => {
    reader?.start();
    return () => reader?.stop();
  }, [reader]);

  const sorting = useSignal<Sorting>({ column: "start", isDescending: false });
  const scroller = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const viewport = useMemo(() => new Viewport(ROW_PX), []);
  const moved = useSignal(0);
  const range = viewer.view.range.value;
  const isPaused = viewer.view.pausedAt.value !== null;
  const version = reader?.version.value ?? 0;
  const shownVersion = useRef(0);
  if (!isPaused) shownVersion.current = version;
  void moved.value;

  const rows = useMemo(() => {
    const all = reader?.table.rows ?? [];
    const inRange = range === null ? all : all.filter((row) => isIn(row, range));
    return sorted(inRange, sorting.value);
  }, [reader, shownVersion.current, range, sorting.value]);
  viewer.requests.current = rows;
  const wasAtEnd = useRef(false);
  const shownRow = useRef(-1);
  viewport.rows = rows.length;

  const put = (top: number) => {
    const element = scroller.current;
    if (element === null) return;
    element.scrollTop = viewport.moveTo(top);
    moved.value++;
  };
  useLayoutEffect(() => {
    const isLive = sorting.value.column === "start" && !sorting.value.isDescending;
    if (wasAtEnd.current && isLive && viewport.top !== viewport.maxTop) put(viewport.maxTop);
  }, [rows.length]);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const resize = new ResizeObserver(() => {
      const row = shownRow.current;
      const wasInView = row >= 0 && viewport.height > 0 && viewport.topToShow(row) === viewport.top;
      viewport.height = element.clientHeight - (head.current?.offsetHeight ?? 0);
      // A panel that opens above leaves the selected row in view.
      if (wasInView) put(viewport.topToShow(row));
      moved.value++;
    });
    resize.observe(element);
    const scrolled = () => {
      viewport.scrolled(element.scrollTop);
      wasAtEnd.current = viewport.atEnd && viewport.top > 0;
      moved.value++;
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      resize.disconnect();
      element.removeEventListener("scroll", scrolled);
    };
  }, []);

  const selected = viewer.selection.selected.value;
  const selectedRow = rows.findIndex((row) => isSelected(row, selected));
  shownRow.current = selectedRow;
  useEffect(() => {
    if (selectedRow < 0 || viewport.height === 0) return;
    const top = viewport.topToShow(selectedRow);
    if (top !== viewport.top) put(top);
  }, [selected]);

  const scale = range ?? viewer.domain.value;
  const { from, to } = viewport.range(OVERSCAN_ROWS);
  const error = reader?.error.value ?? null;
  const sort = (column: SortColumn) => {
    const { value } = sorting;
    sorting.value = { column, isDescending: value.column === column && !value.isDescending };
  };
  return (
    <section class="requests" aria-label="Requests">
      {error === null ? null : <p class="requests-note">{error}. The viewer tries again.</p>}
      {reader?.hasOlder.value === true ? (
        <p class="requests-note">
          The session has more network records than this table reads. Only the newest are listed; filter for
          older ones with <code>until:</code>.
        </p>
      ) : null}
      {/* biome-ignore lint/a11y/useSemanticElements: a table element cannot draw a part of its rows */}
      <div
        class="requests-scroll"
        ref={scroller}
        role="grid"
        aria-label={`${count(rows.length)} requests`}
        aria-rowcount={rows.length + 1}
        aria-activedescendant={selectedRow >= from && selectedRow < to ? `request-${selectedRow}` : undefined}
        tabIndex={0}
      >
        {/* biome-ignore lint/a11y/useSemanticElements: see the grid */}
        {/* biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus */}
        <div class="requests-row requests-head" ref={head} role="row" aria-rowindex={1}>
          {COLUMNS.map((column) => (
            <Head
              key={column}
              column={column}
              label={capitalized(column)}
              sorting={sorting.value}
              sort={sort}
            />
          ))}
          <Head column="start" label="Waterfall" sorting={sorting.value} sort={sort} scale={scale} />
        </div>
        <div class="requests-rows" role="presentation" style={{ height: `${viewport.physicalHeight}px` }}>
          {rows.slice(from, to).map((row, i) => (
            <Request
              key={from + i}
              row={row}
              index={from + i}
              y={(from + i) * ROW_PX + viewport.shift}
              selected={from + i === selectedRow}
              scale={scale}
              open={() => viewer.selection.selectSeq(row.session, row.seq)}
            />
          ))}
        </div>
        {rows.length === 0 && version >= 0 ? <p class="requests-none dim">No request matches.</p> : null}
      </div>
    </section>
  );
}

function isIn({ startTs, endTs }: RequestRow, { from, to }: Range): boolean {
  return startTs <= to && (endTs ?? startTs) >= from;
}

function isSelected(row: RequestRow, selected: { session: string; seq: number } | null): boolean {
  return selected !== null && row.session === selected.session && row.seqs.includes(selected.seq);
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

interface HeadProps {
  column: SortColumn;
  label: string;
  sorting: Sorting;
  sort: (column: SortColumn) => void;
  scale?: Range;
}

function Head({ column, label, sorting, sort, scale }: HeadProps) {
  const order = sorting.column === column ? (sorting.isDescending ? "descending" : "ascending") : "none";
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the grid
    // biome-ignore lint/a11y/useFocusableInteractive: the button in it has the focus
    <span role="columnheader" aria-sort={order} class={`requests-${column}`}>
      <button type="button" onClick={() => sort(column)}>
        {label}
      </button>
      {scale === undefined ? null : (
        <span class="requests-scale">
          {clock(scale.from).slice(0, 8)} – {clock(scale.to).slice(0, 8)}
        </span>
      )}
    </span>
  );
}

interface RequestProps {
  row: RequestRow;
  index: number;
  y: number;
  selected: boolean;
  scale: Range;
  open: () => void;
}

function Request({ row, index, y, selected, scale, open }: RequestProps) {
  const took = durationOf(row);
  const cells: [SortColumn, string, string | undefined][] = [
    ["name", row.name, row.url],
    ["method", row.method, undefined],
    ["status", statusOf(row), row.reason === "" ? undefined : row.reason],
    ["type", row.type, undefined],
    ["initiator", row.initiator, row.initiator],
    ["size", sizeOf(row), undefined],
    ["time", took === undefined ? "" : duration(took), undefined],
  ];
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the grid
    <div
      id={`request-${index}`}
      class={`requests-row${hasFailed(row) ? " bad-request" : ""}${selected ? " selected" : ""}`}
      style={{ transform: `translateY(${y}px)` }}
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-selected={selected}
      {...onPress(open)}
    >
      {cells.map(([column, text, title]) => (
        // biome-ignore lint/a11y/useSemanticElements: see the grid
        // biome-ignore lint/a11y/useFocusableInteractive: see the grid
        <span key={column} role="gridcell" class={`requests-${column}`} title={title}>
          {text}
        </span>
      ))}
      {/* biome-ignore lint/a11y/useSemanticElements: see the grid */}
      {/* biome-ignore lint/a11y/useFocusableInteractive: see the grid */}
      <span role="gridcell" class="requests-start">
        <Bar row={row} scale={scale} />
      </span>
    </div>
  );
}

function statusOf(row: RequestRow): string {
  if (row.state === "failed") return "failed";
  if (row.status !== undefined) return String(row.status);
  return row.state === "done" ? "" : row.state;
}

function sizeOf(row: RequestRow): string {
  if (row.answeredBy !== "server") return row.answeredBy === "cache" ? "cache" : "worker";
  return row.bytes === undefined ? "" : bytes(row.bytes);
}

/** A request's time: waiting for the first byte, then receiving. One without an end reaches the edge. */
function Bar({ row, scale }: { row: RequestRow; scale: Range }) {
  const whole = Math.max(1, scale.to - scale.from);
  const at = (ts: number): number => Math.min(100, Math.max(0, ((ts - scale.from) / whole) * 100));
  const left = at(row.startTs);
  const right = at(row.endTs ?? scale.to);
  const width = Math.max(right - left, LEAST_BAR_PERCENT);
  const first = row.firstByteTs === undefined ? right : at(row.firstByteTs);
  const waiting = right > left ? Math.min(100, Math.max(0, ((first - left) / (right - left)) * 100)) : 100;
  const kind = row.endTs === undefined ? " running" : "";
  return (
    <span
      class={`waterfall${kind}`}
      style={{ left: `${Math.min(left, 100 - LEAST_BAR_PERCENT)}%`, width: `${width}%` }}
      title={`from ${clock(row.startTs)}`}
    >
      <span style={{ width: `${waiting}%` }} />
    </span>
  );
}
