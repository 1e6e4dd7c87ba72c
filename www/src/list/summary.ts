/**
 * An event in one line, as its reader would say it.
 *
 * Whatever a producer sends has a summary: what is not known by type falls back to the data's own words.
 */
import type { Event } from "../../../src/js/types";
import { argsText } from "../data/preview";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { bytes, duration } from "../data/time";

export interface Summary {
  /** What stands before the text, quieter: a method, a selector. */
  lead?: string;
  text: string;
  /** At the right edge: a status, a duration, a size. */
  aside?: string;
  /** HTTP status, coloured by class. */
  status?: number;
}

const MOST_CHARS = 400;

export function summaryOf(event: Event): Summary {
  const data = asObject(event.data);
  const summary = byCategory(event, data) ?? { text: fallback(event, data) };
  summary.text = oneLine(summary.text);
  return summary;
}

function byCategory(event: Event, data: Record<string, unknown>): Summary | null {
  switch (event.category) {
    case "console":
      return consoleSummary(event, data);
    case "network":
      return networkSummary(event, data);
    case "page":
      return pageSummary(event, data);
    case "interaction":
      return interactionSummary(data);
    case "tab":
      return tabSummary(event, data);
    case "system":
      return systemSummary(event, data);
    default:
      return null;
  }
}

function consoleSummary(_event: Event, data: Record<string, unknown>): Summary | null {
  const text = argsText(asArray(data.args)) || asString(data.message) || asString(data.text);
  return text === undefined ? null : { text };
}

function networkSummary(event: Event, data: Record<string, unknown>): Summary | null {
  const url = event.url ?? asString(data.url);
  if (url === undefined) return null;
  const aside: string[] = [];
  const size = asNumber(data.size) ?? asNumber(data.body_bytes);
  if (size !== undefined) aside.push(bytes(size));
  const ms = asNumber(data.duration_ms);
  if (ms !== undefined) aside.push(duration(ms * 1000));
  const error = asString(data.error);
  if (error !== undefined) aside.unshift(error);
  const status = asNumber(data.status);
  return {
    lead: asString(data.method) ?? "",
    text: shortUrl(url),
    aside: aside.join(" · "),
    ...(status === undefined ? {} : { status }),
  };
}

function pageSummary(event: Event, data: Record<string, unknown>): Summary | null {
  const value = asNumber(data.value);
  switch (event.type) {
    case "page.lcp":
    case "page.inp":
    case "page.long_frame": {
      const ms = value ?? asNumber(data.duration_ms) ?? asNumber(data.start_time_ms);
      const what = asString(data.element) ?? asString(data.name) ?? "";
      return ms === undefined ? null : { text: what, aside: duration(ms * 1000) };
    }
    case "page.layout_shift":
      return value === undefined ? null : { text: "", aside: value.toFixed(4) };
    case "page.csp_violation":
      return {
        text: `${asString(data.directive) ?? "policy"} blocked ${asString(data.blocked) ?? ""}`,
      };
    default:
      return event.url === undefined
        ? null
        : { text: event.url, ...(asString(data.error) ? { aside: asString(data.error) ?? "" } : {}) };
  }
}

function interactionSummary(data: Record<string, unknown>): Summary | null {
  const target = asString(data.selector) ?? asString(data.target);
  const text = asString(data.text) ?? asString(data.key) ?? asString(data.label);
  if (target === undefined && text === undefined) return null;
  return { text: [text === undefined ? "" : `“${text}”`, target ?? ""].filter(Boolean).join("  ") };
}

function tabSummary(event: Event, data: Record<string, unknown>): Summary | null {
  const title = asString(data.title);
  const url = event.url ?? asString(data.url);
  const text = [title, url].filter(Boolean).join("  ");
  return text === "" ? null : { text };
}

function systemSummary(event: Event, data: Record<string, unknown>): Summary | null {
  if (event.type === "system.mark") return { text: asString(data.text) ?? asString(data.note) ?? "" };
  return null;
}

function fallback(event: Event, data: Record<string, unknown>): string {
  const said = asString(data.message) ?? asString(data.text) ?? asString(data.name);
  if (said !== undefined) return said;
  if (event.data === undefined || event.data === null) return event.url ?? "";
  const parts = Object.entries(data).map(
    ([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return parts.length > 0 ? parts.join("  ") : JSON.stringify(event.data);
}

/** `example.org/path?query` of an address; other texts as they are. */
export function shortUrl(url: string): string {
  return url.replace(/^https?:\/\//, "");
}

function oneLine(text: string): string {
  return text.slice(0, MOST_CHARS).replace(/\s*\n\s*/g, " ⏎ ");
}
