/** Why records are missing, in words for the person looking at the gap. */

const WORDS: Record<string, string> = {
  quota: "storage was full and older records had to go",
  volatile: "the browser could not write its log, and its worker died before the collector had it",
  not_retained: "older than what is kept, or no longer held when the collector asked for it",
  deleted: "deleted by a person",
  corrupt: "what was stored can no longer be read",
  relay_queue_full: "the page produced more than its queue could hold",
  invalid: "the page sent what is no event",
  hook_failed: "a console call that could not be looked at",
  trap: "the recorder failed on it",
  refused: "it was refused, as too large or as no record",
  rate_limited: "another extension was too fast",
  worker_starting: "too much happened while the recorder's worker started",
};

/** A reason that others brought is said as it is. */
export function gapReason(reason: string): string {
  return WORDS[reason] ?? reason.replaceAll("_", " ");
}
