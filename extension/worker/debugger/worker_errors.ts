/**
 * Leaves out what a page says of its worker's uncaught error when the debugger has recorded the error itself.
 *
 * An uncaught error of a dedicated worker is reported to the page, too, without its object and its stack. With the
 * debugger attached the worker's own report is recorded. The page's report may arrive first, so it waits for the
 * worker's, `WAIT_MS` at most; then it is recorded like any other.
 */
import type { RelayContext } from "../../../src/web/types.ts";
import { MINIMAL_TEXT } from "../../capture.ts";
import { Changes } from "../changes.ts";
import { parsed } from "../parsed.ts";
import { SKIPPED } from "../producers/page_requests.ts";

/** The fields of both reports. */
interface Report {
  text: string;
  location?: { url: string; line: number; column: number };
}

interface PageReport extends Report {
  error?: unknown;
  cross_origin?: true;
}

interface Reported extends Report {
  tabId: number;
  timeMs: number;
}

const WAIT_MS = 1_000;
/** The page's report follows the worker's at once, unless the page is busy. */
const MAX_AGE_MS = 60_000;
const MAX_REPORTED = 1_000;
const LINE = '"type":"console.exception"';

export class WorkerErrors {
  #reported: Reported[] = [];
  readonly #changes = new Changes();

  /** `hasWorkers`: whether the debugger reports dedicated workers of this tab. */
  constructor(private readonly hasWorkers: (tabId: number) => boolean) {}

  /** Takes an error that is recorded from the worker itself. */
  recorded(tabId: number, report: Report): void {
    const now = Date.now();
    const isRecent = ({ timeMs }: Reported) => now - timeMs < MAX_AGE_MS;
    this.#reported = [
      ...this.#reported.filter(isRecent).slice(-MAX_REPORTED),
      { ...report, tabId, timeMs: now },
    ];
    this.#changes.notify();
  }

  /** Returns the lines with those left out that repeat a worker's error; at once without one. */
  without(context: RelayContext, lines: string): string | Promise<string> {
    const tabId = Number(context.metadata.tab_id);
    // A worker that has ended may have reported an error before.
    const isReported = () => this.#reported.some((one) => one.tabId === tabId);
    if (!lines.includes(LINE) || !(this.hasWorkers(tabId) || isReported())) return lines;
    return this.#without(tabId, lines);
  }

  async #without(tabId: number, lines: string): Promise<string> {
    const kept: string[] = [];
    const deadline = performance.now() + WAIT_MS;
    for (const line of lines.split("\n")) {
      const report = reportIn(line);
      const isRepeated = report !== null && (await this.#isRepeated(tabId, report, deadline));
      kept.push(isRepeated ? SKIPPED : line);
    }
    return kept.join("\n");
  }

  #isRepeated(tabId: number, report: Report, deadline: number): Promise<boolean> {
    return this.#changes.until(() => {
      const found = this.#reported.find((one) => one.tabId === tabId && isSame(one, report));
      // The next one is another error.
      this.#reported = this.#reported.filter((one) => one !== found);
      return found !== undefined;
    }, deadline);
  }
}

/** The report of an uncaught error without the error: the page does not get that of its worker. */
function reportIn(line: string): Report | null {
  const read = line.includes(LINE) ? parsed<{ type: string; data: PageReport }>(line) : null;
  if (read?.type !== "console.exception") return null;
  const { data } = read;
  return data.error === undefined && data.cross_origin === undefined ? data : null;
}

function isSame(one: Report, other: Report): boolean {
  if (one.location === undefined || other.location === undefined)
    return one.text.slice(0, MINIMAL_TEXT) === other.text.slice(0, MINIMAL_TEXT);
  const { url, line, column } = one.location;
  return url === other.location.url && line === other.location.line && column === other.location.column;
}
