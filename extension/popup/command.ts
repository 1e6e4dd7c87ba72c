/** Commands to the worker, from a page of the extension. */
import type { Answers, Command } from "../protocol.ts";

export async function command<C extends Command>(
  message: C,
): Promise<C["command"] extends keyof Answers ? Answers[C["command"]] : unknown> {
  const answer: { ok?: unknown; error?: string } | undefined = await chrome.runtime.sendMessage(message);
  if (answer === undefined) throw new Error("the recorder does not answer; reload the extension");
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.ok as never;
}
