/** An interaction: its element, its key or value, and how often it happened. */
import type { Event } from "../../../src/web/types";
import { asArray, asNumber, asObject, asString } from "../data/record";
import { JsonTree } from "./json";
import { Facts, Part } from "./parts";

const WHAT: Record<string, string> = {
  "input.click": "Clicked",
  "input.key": "Pressed",
  "input.change": "Changed",
  "input.submit": "Submitted",
  "input.scroll": "Scrolled",
};

export function InteractionDetail({ event, words }: { event: Event; words: string[] }) {
  const data = asObject(event.data);
  const modifiers = asArray(data.modifiers).filter((m) => typeof m === "string");
  const percent = asNumber(data.percent);
  return (
    <>
      <Part title={WHAT[event.type] ?? "Did"}>
        <Facts
          facts={[
            ["Label", asString(data.label)],
            [
              "Element",
              asString(data.selector) === undefined ? undefined : (
                <span key="s" class="mono wrap">
                  {asString(data.selector)}
                </span>
              ),
            ],
            [
              "Key",
              asString(data.key) === undefined ? undefined : [...modifiers, asString(data.key)].join(" + "),
            ],
            ["Times", asNumber(data.count)],
            ["Field", asString(data.field)],
            ["Kind of field", asString(data.field_type)],
            ["Checked", typeof data.checked === "boolean" ? (data.checked ? "yes" : "no") : undefined],
            ["To", percent === undefined ? undefined : `${percent} % of the page`],
            ["Action", asString(data.action)],
          ]}
        />
      </Part>
      <Part title="Data">
        <JsonTree value={data} words={words} />
      </Part>
    </>
  );
}
