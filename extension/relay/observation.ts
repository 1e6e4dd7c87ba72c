/** Writes an event that the relay itself observes as a line. */
import { isAtLeast, type Level } from "../capture.ts";
import { type Data, jsonWithin } from "./budget.ts";

export interface Observation {
  /** Unix microseconds; now, when absent. */
  ts?: number;
  type: string;
  category: "page" | "interaction";
  source_event: string;
  /** The name of an interaction. */
  interaction_id?: string;
  /** The least level at which this is recorded. */
  from?: "minimal" | "standard" | "verbose";
  /** By level, least first: `[minimal, standard, verbose]`; a later one adds to those before it. */
  data: [Data, Data?, Data?];
}

export type Observe = (observation: Observation) => void;

/** Characters. A longer address, mostly of a `data:` document, is left to the worker, which has it once per relay. */
const MAX_ADDRESS = 2_048;

/** The event as a line at `level`, or null where that level does not record it. */
export function lineAt(
  observation: Observation,
  level: Level,
  maxBytes: number,
  nowMicros: number,
): string | null {
  if (!isAtLeast(level, observation.from ?? "minimal")) return null;
  const [minimal, standard, verbose] = observation.data;
  const data: Data = { ...minimal };
  if (isAtLeast(level, "standard")) Object.assign(data, standard);
  if (isAtLeast(level, "verbose")) Object.assign(data, verbose);
  const { json, truncated } = jsonWithin(data, maxBytes);
  const head = JSON.stringify({
    ts: observation.ts ?? nowMicros,
    type: observation.type,
    category: observation.category,
    source_event: observation.source_event,
    ...(observation.interaction_id === undefined ? {} : { interaction_id: observation.interaction_id }),
    ...(level === "standard" ? {} : { detail_level: level }),
    ...(location.href.length > MAX_ADDRESS ? {} : { url: location.href }),
    ...(truncated ? { truncated } : {}),
  });
  return `${head.slice(0, -1)},"data":${json}}`;
}
