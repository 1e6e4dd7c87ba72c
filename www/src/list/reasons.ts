/** The reasons of gaps, in words. */

const WORDS: Record<string, string> = {
  quota: "the storage was full, so older records were deleted",
  volatile: "the browser could not write its log, and its worker died before the collector had it",
  not_retained: "older than the retention limit, or no longer in memory when they were to be delivered",
  deleted: "deleted by a person",
  corrupt: "the stored records can no longer be read",
  relay_queue_full: "the page produced more than its queue holds",
  invalid: "the page sent something that is not an event",
  hook_failed: "a console call could not be read",
  trap: "the recorder crashed on them",
  refused: "the collector refused them as too large or invalid",
  rate_limited: "another extension published too fast",
  worker_starting: "too many events came while the recorder's worker started",
};

/** Returns a reason in words; a reason of a third party as it is. */
export function gapReason(reason: string): string {
  return WORDS[reason] ?? reason.replaceAll("_", " ");
}
