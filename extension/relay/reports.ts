/**
 * Reports of the browser about a document: visibility, CSP violations, deprecations, interventions, and resources
 * that failed to load.
 */
import { HOOK_NAME } from "../protocol.ts";
import { selectorOf } from "./elements.ts";
import { labelOf } from "./label.ts";
import type { Observe } from "./observation.ts";

export class Reports {
  readonly #observer: ReportingObserver | null;

  constructor(private readonly observe: Observe) {
    this.#observer =
      typeof ReportingObserver === "undefined"
        ? null
        : new ReportingObserver((reports) => this.#reported(reports), {
            types: ["deprecation", "intervention"],
            buffered: true,
          });
  }

  install(until: AbortSignal): void {
    const options = { capture: true, signal: until };
    window.addEventListener("error", this.#onError, options);
    document.addEventListener("securitypolicyviolation", this.#onViolation, options);
    document.addEventListener("visibilitychange", this.#onVisibility, options);
    this.#observer?.observe();
  }

  remove(): void {
    this.#observer?.disconnect();
  }

  readonly #onError = (event: Event): void => {
    const element = event.target;
    // Errors of scripts have the window as target and are the hook's, which can see their error object.
    if (!event.isTrusted || !(element instanceof Element)) return;
    const url = addressOf(element);
    this.observe({
      type: "page.resource_failed",
      category: "page",
      source_event: "error",
      data: [
        { element: element.localName, url },
        { selector: selectorOf(element), label: labelOf(element) },
      ],
    });
  };

  readonly #onViolation = (event: SecurityPolicyViolationEvent): void => {
    if (!event.isTrusted) return;
    this.observe({
      type: "page.csp_violation",
      category: "page",
      source_event: "securitypolicyviolation",
      data: [
        {
          directive: event.effectiveDirective,
          blocked_url: event.blockedURI,
          disposition: event.disposition,
        },
        {
          source_url: event.sourceFile,
          line: event.lineNumber,
          column: event.columnNumber,
          status: event.statusCode,
        },
        { policy: event.originalPolicy, sample: event.sample },
      ],
    });
  };

  readonly #onVisibility = (): void => {
    this.observe({
      type: "page.visibility",
      category: "page",
      source_event: "visibilitychange",
      data: [{ state: document.visibilityState }],
    });
  };

  #reported(reports: Report[]): void {
    for (const report of reports) {
      const body = report.body as unknown as Record<string, unknown> | null;
      this.observe({
        type: report.type === "deprecation" ? "page.deprecation" : "page.intervention",
        category: "page",
        source_event: `ReportingObserver.${report.type}`,
        data: [{ id: body?.id ?? null }, { message: body?.message ?? null, ...placeOf(body) }],
      });
    }
  }
}

/** The place that a report names. A deprecated use of XMLHttpRequest is reported of the hook, which passes it on. */
function placeOf(body: Record<string, unknown> | null): Record<string, unknown> {
  if (body === null || body.sourceFile === HOOK_NAME) return { source_url: null, line: null, column: null };
  const { sourceFile, lineNumber, columnNumber } = body;
  return { source_url: sourceFile ?? null, line: lineNumber ?? null, column: columnNumber ?? null };
}

function addressOf(element: Element): string | null {
  if (element instanceof HTMLLinkElement) return element.href;
  const source = (element as HTMLImageElement).currentSrc || (element as HTMLImageElement).src;
  return typeof source === "string" && source !== "" ? source : null;
}
