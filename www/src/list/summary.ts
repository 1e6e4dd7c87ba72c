/**
 * An event in one line.
 *
 * Every event has a summary: for an unknown type it is made from the data. `collector/src/summary.rs` has the same rules
 * for terminals, and `tests/fixtures/summaries.ndjson` holds both to them.
 */
import type { Event } from "../../../src/web/types";
import { lineOf } from "../data/preview";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { bytes, duration } from "../data/time";
import { fileOf } from "../detail/frames";
import { type StyledPart, styledParts } from "./styled";

export interface Summary {
  /** A quieter word before the text: a method, a transition. */
  lead?: string;
  text: string;
  /** A duration or size at the right edge. */
  aside?: string;
  /** HTTP status, coloured by class. */
  status?: number;
  /** The text in parts, if the page has styled it. */
  styled?: StyledPart[];
  /** How deep in console groups. */
  indent?: number;
}

type Data = Record<string, unknown>;

const MOST_CHARS = 400;

export function summaryOf(event: Event): Summary {
  const data = asObject(event.data);
  const summary = byCategory(event, data) ?? { text: fallback(event, data) };
  const { styled } = summary;
  if (styled !== undefined)
    summary.styled = firstChars(styled).map((part) => ({ ...part, text: oneLine(part.text) }));
  summary.text = oneLine(summary.text);
  return summary;
}

function byCategory(event: Event, data: Data): Summary | null {
  switch (event.category) {
    case "console":
      return event.type === "console.group_end"
        ? { lead: "end of the group", text: "", indent: Math.min(8, asNumber(data.group_depth) ?? 0) }
        : consoleSummary(data);
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

function consoleSummary(data: Data): Summary | null {
  const text = asString(data.text);
  if (text === undefined) return null;
  const elapsed = asNumber(data.elapsed_ms);
  const count = asNumber(data.count);
  const styled = styledParts(text, asArray(data.args));
  const location = asObject(data.location);
  const script = asString(location.url);
  return {
    text,
    ...(styled === null ? {} : { styled }),
    ...(script === undefined
      ? {}
      : { aside: `${fileOf(script)}:${asNumber(location.line)}:${asNumber(location.column)}` }),
    ...(elapsed === undefined ? {} : { aside: duration(elapsed * 1000) }),
    ...(count === undefined ? {} : { aside: `×${count}` }),
    indent: Math.min(8, asNumber(data.group_depth) ?? 0),
  };
}

function networkSummary(event: Event, data: Data): Summary | null {
  // If a page's record has no request, the event's address is the document's.
  const url = asString(data.url) ?? event.url;
  if (url === undefined) return null;
  const aside: string[] = [];
  const answered = asNumber(data.response_status);
  if (answered !== undefined) aside.push(`${answered}`);
  const error = asString(data.error);
  if (error !== undefined) aside.push(error.replace(/^net::/, ""));
  if (data.from_cache === true) aside.push("cache");
  const size = asNumber(data.transfer_bytes) ?? asNumber(data.content_length) ?? asNumber(data.length);
  if (size !== undefined && data.from_cache !== true) aside.push(bytes(size));
  const ms = asNumber(data.duration_ms);
  if (ms !== undefined) aside.push(duration(ms * 1000));
  const status = asNumber(data.status);
  const to = asString(data.redirect_url);
  return {
    lead: asString(data.method) ?? "",
    text: to === undefined ? shortUrl(url) : `${shortUrl(url)} → ${shortUrl(to)}`,
    aside: aside.join(" · "),
    ...(status === undefined ? {} : { status }),
  };
}

function pageSummary(event: Event, data: Data): Summary | null {
  const ms = asNumber(data.value_ms) ?? asNumber(data.duration_ms);
  const value = asNumber(data.value);
  const rating = asString(data.rating)?.replaceAll("-", " ");
  const at = event.url === undefined ? "" : shortUrl(event.url);
  switch (event.type) {
    case "page.lcp":
    case "page.inp":
    case "page.fcp":
    case "page.ttfb":
      return ms === undefined ? null : { text: rated(duration(ms * 1000), rating) };
    case "page.layout_shift":
      return value === undefined ? null : { text: rated(value.toFixed(3), rating) };
    case "page.long_frame": {
      const script = asObject(data.script);
      const who = [asString(script.invoker), asString(script.url)]
        .filter((s) => s !== undefined && s !== "")
        .join("  ");
      return ms === undefined ? null : { text: who, aside: duration(ms * 1000) };
    }
    case "page.csp_violation":
      return { lead: asString(data.directive) ?? "", text: `blocked ${asString(data.blocked_url) ?? ""}` };
    case "page.resource_failed":
      return { lead: asString(data.element) ?? "", text: asString(data.url) ?? "" };
    case "page.history_updated":
      return { lead: "route →", text: event.url === undefined ? "" : routeOf(event.url) };
    case "page.visibility":
      return { lead: asString(data.state) ?? "", text: at };
    case "page.deprecation":
    case "page.intervention":
      return { text: asString(data.message) ?? asString(data.id) ?? "" };
    case "page.screenshot":
      return {
        text: asString(data.error) ?? `taken: ${(asString(data.why) ?? "").replaceAll("_", " ")}`,
        ...(data.same_as === undefined ? {} : { aside: "same picture as before" }),
      };
    default: {
      const error = asString(data.error);
      return {
        ...(asString(data.transition) === undefined ? {} : { lead: asString(data.transition) ?? "" }),
        text: at,
        ...(error === undefined ? {} : { aside: error.replace(/^net::/, "") }),
        ...(ms === undefined ? {} : { aside: duration(ms * 1000) }),
      };
    }
  }
}

function interactionSummary(data: Data): Summary | null {
  const label = asString(data.label);
  const selector = asString(data.selector) ?? "";
  const key = asString(data.key);
  if (key !== undefined) {
    const times = asNumber(data.count) ?? 1;
    return { text: `${key}${times > 1 ? ` ×${times}` : ""}  ${selector}` };
  }
  const percent = asNumber(data.percent);
  if (percent !== undefined) return { text: `to ${percent} %  ${selector}` };
  const action = asString(data.action);
  const what = label === undefined || label === "" ? "" : `“${label}”`;
  return {
    text: [what, selector, action === undefined ? "" : `→ ${shortUrl(action)}`]
      .filter((p) => p !== "")
      .join("  "),
  };
}

function tabSummary(event: Event, data: Data): Summary | null {
  const status = asString(data.status);
  const title = asString(data.title);
  const url = event.url ?? asString(data.url);
  const text = [title, url === undefined ? undefined : shortUrl(url)]
    .filter((p) => p !== undefined && p !== "")
    .join("  ");
  return text === "" && status === undefined
    ? null
    : { ...(status === undefined ? {} : { lead: status }), text };
}

function systemSummary(event: Event, data: Data): Summary | null {
  switch (event.type) {
    case "system.mark":
      return { text: asString(data.note) ?? asString(data.text) ?? "" };
    case "system.worker_started":
      return { text: (asString(data.reason) ?? "").replaceAll("_", " ") };
    case "system.original_places": {
      const places = asArray(data.places).map((place) => asObject(asObject(place).original));
      const [first] = places;
      const more = places.length > 1 ? ` and ${places.length - 1} more` : "";
      return { text: first === undefined ? "" : `${asString(first.source)}:${asNumber(first.line)}${more}` };
    }
    case "system.session_started":
      return { text: asString(data.previous) === undefined ? "" : `after ${String(data.previous)}` };
    case "system.collector_connected":
      return { text: `store ${asString(data.store_id) ?? ""}` };
    default:
      return asString(data.error) === undefined ? null : { text: asString(data.error) ?? "" };
  }
}

function fallback(event: Event, data: Data): string {
  const said = asString(data.message) ?? asString(data.text) ?? asString(data.name);
  if (said !== undefined) return said;
  if (event.data === undefined || event.data === null) return event.url ?? "";
  const parts = Object.entries(data).map(
    ([key, value]) => `${key}: ${typeof value === "string" ? value : lineOf(value, 1)}`,
  );
  return parts.length > 0 ? parts.join("  ") : lineOf(event.data);
}

/** Returns the part of an address that a route change can change. */
function routeOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/, "") || "/";
}

/** Returns an address without its `https://`, and other texts unchanged. */
function shortUrl(url: string): string {
  return url.replace(/^https?:\/\//, "");
}

/** Returns as many parts as a row can show. */
function firstChars(parts: StyledPart[]): StyledPart[] {
  let left = MOST_CHARS;
  const kept: StyledPart[] = [];
  for (const part of parts) {
    if (left <= 0) break;
    kept.push({ ...part, text: part.text.slice(0, left) });
    left -= part.text.length;
  }
  return kept;
}

function oneLine(text: string): string {
  return text.slice(0, MOST_CHARS).replace(/\s*\n\s*/g, " ⏎ ");
}

function rated(value: string, rating: string | undefined): string {
  return rating === undefined ? value : `${value} · ${rating}`;
}
