/** A console call or an uncaught error: what it said, its arguments to open, and where it came from. */
import type { Event } from "../../../src/js/types";
import { argsText } from "../data/preview";
import { asArray, asObject, asString } from "../data/record";
import { Marked } from "../ui/marked";
import { JsonTree } from "./json";
import { Part } from "./parts";
import { Stack } from "./stack";

export function ConsoleDetail({ event, words }: { event: Event; words: string[] }) {
  const data = asObject(event.data);
  const args = asArray(data.args);
  const message = asString(data.message) ?? argsText(args);
  const objects = args.filter((a) => typeof a === "object" && a !== null);
  const stack = asString(data.stack);
  return (
    <>
      {message === "" ? null : (
        <Part title="Message">
          <pre class="mono block message">
            <Marked text={message} words={words} />
          </pre>
        </Part>
      )}
      {objects.length > 0 && (
        <Part title={args.length === 1 ? "Argument" : "Arguments"}>
          {args.map((arg, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: arguments have no other identity
            <JsonTree key={i} value={arg} words={words} openDepth={objects.length === 1 ? 2 : 1} />
          ))}
        </Part>
      )}
      {stack !== undefined && stack !== "" && <Stack text={stack} />}
    </>
  );
}
