/**
 * The event rate over time, stacked by category, above the coverage strip. Dragging over it chooses a range.
 *
 * Keyboard: arrows move the chosen range, with shift its end; Escape clears it.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Range } from "../data/range";
import { clock, count, dayAndMonth, duration } from "../data/time";
import { useViewer, type Viewer } from "../state";
import { categoryProperty } from "../ui/category";
import { bin, stacked } from "./bins";
import { Coverage } from "./coverage";
import { Screenshots } from "./screenshots";
import "./timeline.css";

const HALF_LABEL_PX = 26;
const HEIGHT_PX = 62;
const BIN_PX = 5;
/** Counting a long session takes time: it is done at most this often, and for at most a tenth of the time. */
const REDRAW_MS = 250;
const REDRAW_SHARE = 10;
/** A drag shorter than this is a click. */
const LEAST_DRAG_PX = 4;

export function Timeline() {
  const viewer = useViewer();
  const host = useRef<HTMLDivElement>(null);
  const chart = useMemo(() => new Chart(viewer), []);
  const width = useSignal(0);
  const domain = viewer.domain.value;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const resize = new ResizeObserver(() => (width.value = element.clientWidth));
    resize.observe(element);
    chart.mount(element);
    return () => {
      resize.disconnect();
      chart.unmount();
    };
  }, []);

  const feed = viewer.view.feed.value;
  const version = feed?.version.value ?? 0;
  const range = viewer.view.range.value;
  const theme = viewer.theme.value;
  useEffect(
    () => chart.update(width.value),
    [width.value, version, feed, domain.from, domain.to, range, theme],
  );

  const keydown = (event: KeyboardEvent) => {
    const step = (domain.to - domain.from) / 40;
    const now = range ?? { from: domain.to - step * 4, to: domain.to };
    let next: Range | null;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const by = event.key === "ArrowLeft" ? -step : step;
      next = event.shiftKey
        ? { from: now.from, to: Math.max(now.from + step, now.to + by) }
        : { from: now.from + by, to: now.to + by };
    } else if (event.key === "Escape" && range !== null) next = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
    viewer.view.setRange(next === null ? null : { from: Math.round(next.from), to: Math.round(next.to) });
  };

  return (
    <section class="timeline" aria-label="Timeline">
      <div
        ref={host}
        class="timeline-plot"
        role="slider"
        tabIndex={0}
        aria-label={`Event rate over ${duration(domain.to - domain.from)}, ${count(feed?.length ?? 0)} records. Arrow keys choose a time range.`}
        aria-valuemin={Math.round(domain.from / 1000)}
        aria-valuemax={Math.round(domain.to / 1000)}
        aria-valuenow={Math.round((range?.from ?? domain.from) / 1000)}
        aria-valuetext={range === null ? "no range" : `${clock(range.from)} to ${clock(range.to)}`}
        onKeyDown={keydown}
      />
      <Coverage width={width.value} />
      <Screenshots width={width.value} />
    </section>
  );
}

/** The uPlot instance and its updates. */
class Chart {
  private plot: uPlot | null = null;
  private host: HTMLElement | null = null;
  private shape = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private drawnAt = 0;
  private tookMs = 0;
  private width = 0;
  private setting = false;
  /** Set while a range is dragged; its listeners end with it. */
  private drag: AbortController | null = null;
  private isStale = false;

  constructor(private readonly viewer: Viewer) {}

  mount(host: HTMLElement): void {
    this.host = host;
  }

  unmount(): void {
    clearTimeout(this.timer);
    this.drag?.abort();
    this.drag = null;
    this.plot?.destroy();
    this.plot = null;
    this.host = null;
  }

  update(width: number): void {
    this.width = width;
    if (this.timer !== undefined) return;
    const pause = Math.max(REDRAW_MS, this.tookMs * REDRAW_SHARE);
    const wait = Math.max(0, this.drawnAt + pause - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.isStale = this.drag !== null;
      if (this.isStale) return;
      const began = performance.now();
      this.draw();
      this.tookMs = performance.now() - began;
    }, wait);
  }

  /** Draws nothing until the mouse button is released: a drawing ends the selection. */
  private hold(): void {
    this.drag?.abort();
    const drag = new AbortController();
    const { signal } = drag;
    this.drag = drag;
    const release = () => {
      drag.abort();
      this.drag = null;
      if (this.isStale) this.update(this.width);
    };
    const releaseIfUp = ({ buttons }: MouseEvent) => {
      if ((buttons & 1) === 0) release();
    };
    // The release itself may be lost, to a menu or to another window.
    for (const type of ["mouseup", "mousemove"] as const) addEventListener(type, releaseIfUp, { signal });
    for (const type of ["contextmenu", "blur"]) addEventListener(type, release, { signal });
  }

  private draw(): void {
    const { viewer, host, width } = this;
    const feed = viewer.view.feed.value;
    if (host === null || width < 40 || feed === null) return;
    this.drawnAt = performance.now();
    const { from, to } = viewer.domain.value;
    const bins = bin([feed.head, feed.tail], from, to, Math.max(10, Math.floor(width / BIN_PX)));
    const names = viewer.view.dictionary.categories.list;
    const order = [...bins.byCategory.keys()].sort((a, b) => a - b);
    const data: uPlot.AlignedData = [bins.starts, ...stacked(bins, order)];
    const shape = `${order.join()}|${viewer.theme.value}`;
    if (this.plot === null || shape !== this.shape) {
      this.plot?.destroy();
      this.shape = shape;
      this.plot = new uPlot(
        this.options(
          width,
          [...order].reverse().map((id) => names[id] ?? ""),
        ),
        data,
        host,
      );
    } else {
      if (this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT_PX });
      this.plot.setData(data, false);
    }
    const [, sums] = data;
    const most = Math.max(1, ...(sums ?? []).map((n) => n ?? 0));
    this.plot.batch(() => {
      this.plot?.setScale("x", { min: from / 1e6, max: to / 1e6 });
      this.plot?.setScale("y", { min: 0, max: most * 1.08 });
    });
    this.showRange();
  }

  private showRange(): void {
    const { plot } = this;
    if (plot === null) return;
    const range = this.viewer.view.range.value;
    this.setting = true;
    if (range === null) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    else {
      const left = Math.max(0, plot.valToPos(range.from / 1e6, "x"));
      const right = Math.min(plot.over.clientWidth, plot.valToPos(range.to / 1e6, "x"));
      plot.setSelect(
        { left, top: 0, width: Math.max(2, right - left), height: plot.over.clientHeight },
        false,
      );
    }
    this.setting = false;
  }

  private options(width: number, categories: string[]): uPlot.Options {
    const style = getComputedStyle(document.documentElement);
    const colour = (property: string): string => resolved(style.getPropertyValue(property));
    const quiet = colour("--text-3");
    return {
      width,
      height: HEIGHT_PX,
      padding: [4, 0, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG_PX },
      },
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      axes: [
        {
          stroke: quiet,
          font: `10px ${style.getPropertyValue("--mono")}`,
          size: 18,
          space: 96,
          gap: 2,
          grid: { show: false },
          ticks: { show: false },
          values: (plot, splits, _axis, _space, step) =>
            splits.map((s) => (isAtEdge(plot, s) ? "" : tick(s, step))),
        },
        { show: false },
      ],
      series: [
        {},
        ...categories.map((name): uPlot.Series => {
          const fill = colour(categoryProperty(name));
          const { bars } = uPlot.paths;
          return {
            label: name,
            fill,
            width: 0,
            points: { show: false },
            ...(bars === undefined ? {} : { paths: bars({ size: [0.8, 40], align: 1 }) }),
          };
        }),
      ],
      hooks: {
        setSelect: [
          (plot) => {
            if (this.setting) return;
            const { left, width: wide } = plot.select;
            if (wide < LEAST_DRAG_PX) return;
            const at = (x: number): number => Math.round(plot.posToVal(x, "x") * 1e6);
            this.viewer.view.setRange({ from: at(left), to: at(left + wide) });
          },
        ],
        ready: [
          (plot) => {
            plot.over.addEventListener("mousedown", ({ button }) => {
              if (button === 0) this.hold();
            });
            plot.over.addEventListener("dblclick", () => this.viewer.view.setRange(null));
            plot.over.addEventListener("click", (event) => {
              if (event.detail === 1 && plot.select.width === 0) this.viewer.view.setRange(null);
            });
          },
        ],
      },
    };
  }
}

/** Resolves `light-dark()`, which canvases do not support. */
function resolved(value: string): string {
  const probe = document.createElement("span");
  probe.style.color = value;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

/** Whether the label of a time would be clipped: it is centred on its place. */
function isAtEdge(plot: uPlot, time: number): boolean {
  const { min, max } = plot.scales.x ?? {};
  if (min == null || max == null || max <= min) return false;
  const x = ((time - min) / (max - min)) * plot.width;
  return Math.min(x, plot.width - x) < HALF_LABEL_PX;
}

function tick(seconds: number, step: number): string {
  if (step >= 86_400) return dayAndMonth(seconds * 1e6);
  return clock(seconds * 1e6).slice(0, step >= 60 ? 5 : step >= 1 ? 8 : undefined);
}
