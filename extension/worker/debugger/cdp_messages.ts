/**
 * Records the messages that the browser writes into a page's console and that no content script receives: why CORS or
 * the integrity of a script blocked a response, which cookie was refused, and hints on preloads, storage and graphics.
 * They come from the Log and Audits domains.
 *
 * Left out is what another producer records: failed requests, deprecations, interventions, violations of the content
 * security policy, and the consoles of workers.
 */
import { MINIMAL_TEXT } from "../../capture.ts";
import { MAX_TEXT } from "../../page/text.ts";
import { jsonWithin, prefix } from "../../relay/budget.ts";
import { fieldsAtLevel } from "../producers/levels.ts";
import type { CdpPublisher, Params } from "./cdp_publisher.ts";

const RECORDED_ELSEWHERE = new Set(["network", "worker", "deprecation", "intervention"]);
const LEVELS: Record<string, string> = { verbose: "debug", warning: "warning", error: "error" };
/** Issues that the browser does not write into the console, too. */
const ISSUES = new Set(["CookieIssue", "BlockedByResponseIssue"]);
/** An issue has no time of its own. */
const now = () => Date.now();

interface Message {
  /** Milliseconds since 1970. */
  ts: number;
  level: string;
  text: string;
  source: string;
  /** The URL of the document, the script or the request. */
  resource_url: string | undefined;
}

export class CdpMessages {
  /** The time at which each tab was attached. The browser repeats earlier messages. */
  readonly #attachedAt = new Map<number, number>();

  constructor(private readonly publisher: CdpPublisher) {}

  attached(tabId: number): void {
    this.#attachedAt.set(tabId, now());
  }

  forget(tabId: number): void {
    this.#attachedAt.delete(tabId);
  }

  event(tabId: number, method: string, params: Params): void {
    const message =
      method === "Log.entryAdded"
        ? messageOfEntry(params.entry as Params)
        : method === "Audits.issueAdded"
          ? messageOfIssue(params.issue as Params)
          : null;
    if (message === null || message.ts < (this.#attachedAt.get(tabId) ?? 0)) return;
    this.publisher.publish(tabId, "console", method, (level) => {
      const { text, source, resource_url } = message;
      const data = fieldsAtLevel(level, {
        minimal: { text: prefix(text, level === "minimal" ? MINIMAL_TEXT : MAX_TEXT) },
        standard: { source, resource_url },
        raw: params,
      }) as Params;
      const { json, truncated } = jsonWithin(data, this.publisher.maxEventBytes("console"));
      return {
        ts: Math.round(message.ts * 1000),
        type: `console.browser_${message.level}`,
        url: this.publisher.page(tabId),
        data: truncated ? (JSON.parse(json) as Params) : data,
        isTruncated: truncated || text.length > MAX_TEXT,
      };
    });
  }
}

function messageOfEntry(entry: Params): Message | null {
  const source = entry.source as string;
  const text = entry.text as string;
  const isOfPolicy = source === "security" && text.includes("Content Security Policy");
  if (RECORDED_ELSEWHERE.has(source) || isOfPolicy) return null;
  return {
    ts: entry.timestamp as number,
    level: LEVELS[entry.level as string] ?? "info",
    text,
    source,
    resource_url: entry.url as string | undefined,
  };
}

function messageOfIssue({ code, details }: Params): Message | null {
  if (!ISSUES.has(code as string)) return null;
  const { cookieIssueDetails: cookie, blockedByResponseIssueDetails: blocked } = details as Record<
    string,
    Params | undefined
  >;
  const found = cookie ?? blocked;
  if (found === undefined) return null;
  const exclusions = (found.cookieExclusionReasons ?? []) as string[];
  const reasons =
    cookie === undefined
      ? [found.reason as string]
      : [...exclusions, ...((found.cookieWarningReasons ?? []) as string[])];
  const name = (found.cookie as Params | undefined)?.name as string | undefined;
  const isRefused = cookie === undefined || exclusions.length > 0;
  const what =
    cookie === undefined ? "A response" : `The cookie ${name ?? "of a header that cannot be read"}`;
  return {
    ts: now(),
    level: isRefused ? "error" : "warning",
    text: `${what} ${isRefused ? "was refused" : "may be refused later"}: ${reasons.map(words).join(", ")}`,
    source: "issue",
    resource_url: (found.request as Params | undefined)?.url as string | undefined,
  };
}

/** `ExcludeSameSiteStrict` is "exclude same site strict". */
function words(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
}
