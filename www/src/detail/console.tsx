/** A console call or an uncaught error: its message, its error's stack and its own, its values and its place. */
import type { Envelope } from "../../../src/web/types";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { styledParts } from "../list/styled";
import { StyledText } from "../list/styled_text";
import { Marked } from "../ui/marked";
import { ValueTree } from "./json";
import { FactsPart, Part } from "./parts";
import { Stack } from "./stack";
import { TablePart, tableOf } from "./table";

export function ConsoleDetail({ envelope, words }: { envelope: Envelope; words: string[] }) {
  const { event } = envelope;
  const data = asObject(event.data);
  const args = asArray(data.args);
  const message = asString(data.text) ?? asString(data.message) ?? "";
  const styled = styledParts(message, args);
  const error = asObject(data.error);
  const thrown = asString(error.stack) ?? stackOf(args);
  const call = asString(data.stack);
  const openable = args.filter((a) => typeof a === "object" && a !== null);
  const place = asObject(data.location);
  const elapsed = asNumber(data.elapsed_ms);
  const table = event.type === "console.table" ? tableOf(args) : null;
  return (
    <>
      {message === "" ? null : (
        <Part title="Message">
          <pre class="mono block message">
            {styled === null ? (
              <Marked text={message} words={words} />
            ) : (
              <StyledText parts={styled} words={words} />
            )}
          </pre>
        </Part>
      )}
      {table === null ? null : <TablePart table={table} words={words} />}
      {thrown ? <Stack text={thrown} envelope={envelope} /> : null}
      {call ? <Stack title={thrown ? "Logged at" : "Stack"} text={call} envelope={envelope} /> : null}
      {openable.length > 0 && (
        <Part title={openable.length === 1 ? "Value" : "Values"}>
          {openable.map((value, i) => (
            <ValueTree key={i} value={value} words={words} openDepth={openable.length === 1 ? 2 : 1} />
          ))}
        </Part>
      )}
      {Object.keys(error).some((key) => key !== "$" && key !== "message" && key !== "stack") && (
        <Part title="Error">
          <ValueTree value={error} words={words} openDepth={1} />
        </Part>
      )}
      <FactsPart
        title="Call"
        facts={[
          ["Label", asString(data.label)],
          ["Count", asNumber(data.count)],
          ["Elapsed", elapsed === undefined ? undefined : `${elapsed} ms`],
          [
            "Place",
            place.url === undefined || thrown
              ? undefined
              : `${String(place.url)}:${String(place.line)}:${String(place.column)}`,
          ],
          [
            "Origin",
            data.cross_origin === true ? "a script of another origin, which hides its errors" : undefined,
          ],
        ]}
      />
    </>
  );
}

/** Returns the stack of the first error among the arguments. */
function stackOf(args: unknown[]): string | undefined {
  return args.map((a) => asString(asObject(a).stack)).find((s) => s !== undefined);
}
