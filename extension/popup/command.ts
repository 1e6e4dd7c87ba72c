/** Commands to the worker, from a page of the extension. */
import type { Command } from "../worker/commands/messages.ts";

export async function command<T = unknown>(message: Command): Promise<T> {
  const answer = (await chrome.runtime.sendMessage(message)) as { ok?: T; error?: string } | undefined;
  if (answer === undefined) throw new Error("the recorder does not answer; reload the extension");
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.ok as T;
}
