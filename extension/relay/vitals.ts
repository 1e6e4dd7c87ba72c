/**
 * Page vitals, as web-vitals defines them, and long animation frames, of top-level documents.
 *
 * Measured in the isolated world: the performance timeline is the same there, and the page's own patches of it are not.
 */
import { type MetricType, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { prefix } from "./budget.ts";
import { microsOf } from "./clock.ts";
import type { Observe } from "./observation.ts";

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
  scripts: { sourceURL: string; sourceFunctionName: string; duration: number; invoker: string }[];
}

/** These change until the document is hidden: their last value is recorded then, and each change at `verbose` only. */
const FINAL_WHEN_HIDDEN = new Set<MetricType["name"]>(["CLS", "INP"]);

/**
 * Every change is asked for, and what is final decided here: left to itself, web-vitals says nothing of an
 * interaction whose entries are still waiting for an idle moment when the document is hidden.
 *
 * The answer stops what can be stopped; web-vitals itself continues until the document ends, unheard.
 */
export function observeVitals(observe: Observe): () => void {
  let over = false;
  const latest = new Map<MetricType["name"], MetricType>();
  const tell = (metric: MetricType, from?: "verbose"): void => {
    const unit =
      metric.name === "CLS" ? { value: round(metric.value, 4) } : { value_ms: round(metric.value, 1) };
    observe({
      type: TYPES[metric.name],
      category: "page",
      source_event: `web-vitals.on${metric.name}`,
      ...(from === undefined ? {} : { from }),
      data: [unit, { rating: metric.rating, navigation_type: metric.navigationType }],
    });
  };
  const changed = (metric: MetricType): void => {
    if (over) return;
    if (!FINAL_WHEN_HIDDEN.has(metric.name)) {
      tell(metric);
      return;
    }
    // The object is web-vitals' own and changes with the metric.
    latest.set(metric.name, { ...metric } as MetricType);
    if (document.visibilityState === "visible") tell(metric, "verbose");
  };
  const all = { reportAllChanges: true };
  onLCP(changed, all);
  onCLS(changed, all);
  onINP(changed, all);
  onFCP(changed);
  onTTFB(changed);
  // On the document, so that it runs after the listeners that web-vitals has on the window.
  const onHidden = (): void => {
    if (document.visibilityState !== "hidden") return;
    for (const metric of latest.values()) tell(metric);
    latest.clear();
  };
  document.addEventListener("visibilitychange", onHidden, true);
  const frames = observeLongFrames(observe);
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", onHidden, true);
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
    invoker: prefix(script.invoker, 200),
    duration_ms: round(script.duration, 1),
  };
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
