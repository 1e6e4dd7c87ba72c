/** Navigation, and vitals against the thresholds the web agreed on. */
import type { Envelope } from "../../../src/web/types";
import { asNumber, asObject, asString } from "../data/record";
import { duration } from "../data/time";
import { JsonTree } from "./json";
import { addressIn, errorIn, Facts, Part } from "./parts";
import { Screenshot } from "./screenshot";

interface Vital {
  name: string;
  good: number;
  poor: number;
  /** How a value is written; by default in milliseconds. */
  show?: (value: number) => string;
  about: string;
}

const ms = (value: number): string => duration(value * 1000);

/** Thresholds at the 75th percentile: https://web.dev/articles/defining-core-web-vitals-thresholds */
export const VITALS: Record<string, Vital> = {
  "page.lcp": {
    name: "Largest Contentful Paint",
    good: 2500,
    poor: 4000,
    about: "until the largest element was painted",
  },
  "page.inp": {
    name: "Interaction to Next Paint",
    good: 200,
    poor: 500,
    about: "from an interaction to the next paint",
  },
  "page.layout_shift": {
    name: "Cumulative Layout Shift",
    good: 0.1,
    poor: 0.25,
    show: (v) => v.toFixed(3),
    about: "how far things moved by themselves",
  },
  "page.fcp": {
    name: "First Contentful Paint",
    good: 1800,
    poor: 3000,
    about: "until anything was painted",
  },
  "page.ttfb": {
    name: "Time to First Byte",
    good: 800,
    poor: 1800,
    about: "until the first byte of the document",
  },
  // Not a vital: a frame is long from 50 ms on (https://w3c.github.io/long-animation-frames/).
  "page.long_frame": {
    name: "Long animation frame",
    good: 50,
    poor: 200,
    about: "one frame kept the page busy",
  },
};

export function PageDetail({ envelope, words }: { envelope: Envelope; words: string[] }) {
  const { event } = envelope;
  const data = asObject(event.data);
  const vital = VITALS[event.type];
  const value = asNumber(data.value_ms) ?? asNumber(data.value) ?? asNumber(data.duration_ms);
  const script = asObject(data.script);
  const { image: _image, ...rest } = data;
  return (
    <>
      {vital !== undefined && value !== undefined ? <VitalBar vital={vital} value={value} /> : null}
      {event.type === "page.screenshot" ? <Screenshot envelope={envelope} /> : null}
      <Part title="Page">
        <Facts
          facts={[
            ["Address", addressIn(event.url)],
            ["Error", errorIn(data.error)],
            ["Transition", asString(data.transition)],
            ["Message", asString(data.message)],
            ["Directive", asString(data.directive)],
            ["Blocked", asString(data.blocked_url)],
            ["Resource", addressIn(data.url)],
            ["Element", asString(data.selector)],
            ["Script", addressIn(script.url)],
            ["Invoker", asString(script.invoker)],
            [
              "Blocking",
              asNumber(data.blocking_ms) === undefined ? undefined : ms(asNumber(data.blocking_ms) ?? 0),
            ],
          ]}
        />
      </Part>
      {Object.keys(rest).length > 0 && (
        <Part title="Data">
          <JsonTree value={rest} words={words} />
        </Part>
      )}
    </>
  );
}

/** The place of a value between good and poor, in words as well as in colour. */
function VitalBar({ vital, value }: { vital: Vital; value: number }) {
  const { show = ms } = vital;
  const grade = value <= vital.good ? "good" : value <= vital.poor ? "needs improvement" : "poor";
  const end = Math.max(vital.poor * 1.5, value * 1.1);
  const at = (v: number): string => `${(v / end) * 100}%`;
  return (
    <Part title={vital.name}>
      <div class={`vital vital-${grade.split(" ")[0]}`}>
        <p>
          <b>{show(value)}</b> <span class="vital-grade">{grade}</span> <span class="dim">{vital.about}</span>
        </p>
        <div class="vital-bar" aria-hidden="true">
          <span class="vital-zone good" style={{ width: at(vital.good) }} />
          <span class="vital-zone needs" style={{ width: at(vital.poor - vital.good) }} />
          <span class="vital-zone poor" style={{ width: at(end - vital.poor) }} />
          <span class="vital-needle" style={{ left: at(value) }} />
        </div>
        <div class="vital-scale dim" aria-hidden="true">
          <span style={{ left: at(vital.good) }}>{show(vital.good)}</span>
          <span style={{ left: at(vital.poor) }}>{show(vital.poor)}</span>
        </div>
      </div>
    </Part>
  );
}
