/** Problems: errors in groups, each with what its tab did before, as the collector's `/v1/diagnose` names them. */
import { asArray, asNumber, asObject, asString } from "./record";
import { severityOf } from "./severity";

/** One event in short. */
export interface Step {
  session: string;
  seq: number;
  /** Unix microseconds. */
  ts: number;
  type: string;
  text: string;
}

export interface Problem {
  /** The same for as long as the group's first error is stored. */
  key: string;
  count: number;
  /** Unix microseconds. */
  firstTs: number;
  lastTs: number;
  isError: boolean;
  /** Whether it rarely matters. */
  isNoise: boolean;
  /** The event after which it occurred first, if known: the last deploy, its session's start, or the tab's navigation. */
  newSince: "deploy" | "session" | "navigation" | null;
  /** Steps that may have led to it, oldest first. */
  before: Step[];
  /** The newest error of the group. */
  error: Step;
}

export interface Diagnosis {
  /** Ranked, noise last. */
  problems: Problem[];
  /** Whether there are more groups, or older errors that were not grouped. */
  isPartial: boolean;
}

const ERROR = 3;
const NEW_SINCE = ["deploy", "session", "navigation"] as const;

/** Reads the answer of `/v1/diagnose`. */
export function diagnosisFrom(reply: unknown): Diagnosis {
  const { problems, left_out, is_cut } = asObject(reply);
  return {
    problems: asArray(problems).flatMap((problem) => problemFrom(problem) ?? []),
    isPartial: (asNumber(left_out) ?? 0) > 0 || is_cut === true,
  };
}

function problemFrom(value: unknown): Problem | null {
  const { count, first_ts, last_ts, is_noise, new_since, events } = asObject(value);
  const before = asArray(events).map(stepFrom);
  const error = before.pop();
  if (error === undefined) return null;
  const firstTs = asNumber(first_ts) ?? error.ts;
  return {
    key: `${error.session} ${error.type} ${firstTs}`,
    count: asNumber(count) ?? 1,
    firstTs,
    lastTs: asNumber(last_ts) ?? error.ts,
    isError: isError(error.type),
    isNoise: is_noise === true,
    newSince: NEW_SINCE.find((since) => since === new_since) ?? null,
    before,
    error,
  };
}

function stepFrom(value: unknown): Step {
  const { session, seq, ts, type, text } = asObject(value);
  return {
    session: asString(session) ?? "",
    seq: asNumber(seq) ?? 0,
    ts: asNumber(ts) ?? 0,
    type: asString(type) ?? "",
    text: asString(text) ?? "",
  };
}

/** A response is listed only if it failed. */
function isError(type: string): boolean {
  const category = type.slice(0, type.indexOf("."));
  const source = { kind: "extension" as const, event: type };
  return (
    category === "network" ||
    severityOf({ ts: 0, type, category, detail_level: "standard", source, data: null }) === ERROR
  );
}
