/**
 * Page vitals, as web-vitals defines them, and long animation frames, of top-level documents.
 *
 * Measured in the isolated world: the performance timeline is the same there, and the page's own patches of it are not.
 */
import { type MetricType, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { microsOf, type Observe } from "./observation.ts";

/** Shorter ones are recorded at `verbose`. Chrome reports frames from 50 ms on. */
const LONG_FRAME_MS = 100;

const TYPES = {
  LCP: "page.lcp",
  CLS: "page.layout_shift",
  INP: "page.inp",
  FCP: "page.fcp",
  TTFB: "page.ttfb",
} as const;

interface LongFrame extends PerformanceEntry {
  blockingDuration: number;
  renderStart: number;
  scripts: { sourceURL: string; sourceFunctionName: string; duration: number; invoker: string }[];
}

/** The answer stops what can be stopped; web-vitals itself goes on until the document ends, unheard. */
export function observeVitals(observe: Observe): () => void {
  let over = false;
  const report = (metric: MetricType): void => {
    if (over) return;
    const unit =
      metric.name === "CLS" ? { value: round(metric.value, 4) } : { value_ms: round(metric.value, 1) };
    observe({
      type: TYPES[metric.name],
      category: "page",
      source_event: `web-vitals.on${metric.name}`,
      data: [unit, { rating: metric.rating, navigation_type: metric.navigationType }],
    });
  };
  onLCP(report);
  onCLS(report);
  onINP(report);
  onFCP(report);
  onTTFB(report);
  const frames = observeLongFrames(observe);
  return () => {
    over = true;
    frames?.disconnect();
  };
}

function observeLongFrames(observe: Observe): PerformanceObserver | null {
  if (!PerformanceObserver.supportedEntryTypes.includes("long-animation-frame")) return null;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as LongFrame[]) {
      observe({
        ts: microsOf(entry.startTime),
        type: "page.long_frame",
        category: "page",
        source_event: "PerformanceLongAnimationFrameTiming",
        from: entry.duration >= LONG_FRAME_MS ? "minimal" : "verbose",
        data: [
          { duration_ms: round(entry.duration, 1) },
          { blocking_ms: round(entry.blockingDuration, 1), script: longestScript(entry) },
          { scripts: entry.scripts.slice(0, 20).map(describe) },
        ],
      });
    }
  });
  observer.observe({ type: "long-animation-frame", buffered: true });
  return observer;
}

function longestScript(entry: LongFrame): Record<string, unknown> | null {
  const longest = [...entry.scripts].sort((a, b) => b.duration - a.duration)[0];
  return longest === undefined ? null : describe(longest);
}

function describe(script: LongFrame["scripts"][number]): Record<string, unknown> {
  return {
    url: script.sourceURL,
    function: script.sourceFunctionName,
    invoker: script.invoker.slice(0, 200),
    duration_ms: round(script.duration, 1),
  };
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
