/**
 * The arguments of every public function of this package, in one table: a row per function, a name and a kind per
 * argument. Functions read their arguments by it, so a wrong one is refused before anything happens.
 *
 * The tests compare it with the package's declarations: names, types, and which may be absent. A function, an argument or
 * an option that has no row here fails them.
 */
import {
  anything,
  bytes,
  callback,
  flag,
  INVALID_ARGUMENT,
  INVALID_OPTIONS,
  json,
  type Kind,
  kind,
  made,
  nullable,
  object,
  oneOf,
  optional,
  options,
  plain,
  type Row,
  text,
  texts,
  whole,
} from "./kinds.ts";
import type { EventInput } from "./records.ts";
import type { WatchedUntil } from "./types.ts";
import type { Glue, Instance } from "./wasm.ts";

/** The wasm half of `CategoryLogs`, and where it lives. */
export interface WasmLogs {
  readonly instance: Instance;
  readonly wasm: Glue["WasmLogs"]["prototype"];
}

/** The logs that this entry of the package opened. Those of another entry live in another wasm. */
export const openedLogs = new WeakMap<object, WasmLogs>();

const MAX_U32 = 2 ** 32 - 1;

const seq = (code: string) => whole(code, 0, Number.MAX_SAFE_INTEGER);
const durability = oneOf("Durability", INVALID_OPTIONS, ["relaxed", "strict"]);
const sessionId = text("invalid_session_id", "a lower-case UUID");
const selectorText = text("invalid_selector");

/** One event, as its JSON text. */
export interface EventText {
  readonly text: string;
  /** Whether `data` comes last in it, so that the core need not walk what our own stringify has just written. */
  readonly isDataLast: boolean;
}

const event: Kind<EventText> = kind(
  { type: "EventInput", code: "invalid_event", expected: "an object that JSON can hold" },
  eventText,
);

function eventText(value: unknown): EventText | undefined {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : { text, isDataLast: isDataLast(value) };
}

function isDataLast(event: unknown): boolean {
  if (typeof event !== "object" || event === null || "toJSON" in event) return false;
  let last: string | undefined;
  for (const key in event) last = key;
  return last === "data";
}

/** The events of a batch are all text before any is written, because a getter of one may publish, too. */
const events: Kind<string | EventText[]> = kind(
  {
    type: "readonly EventInput[] | string",
    code: INVALID_ARGUMENT,
    expected: "an array of events, or NDJSON text",
  },
  (value) => {
    if (typeof value === "string") return value;
    if (!Array.isArray(value)) return undefined;
    const read: EventText[] = [];
    for (let at = 0; at < value.length; at++) read.push(event.read(value[at], `events[${at}]`));
    return read;
  },
);

const selector = json({
  type: "Selector",
  code: "invalid_selector",
  expected: "text like category:console, or an object",
});

const readerOptions = options("ReaderOptions", {
  afterSeq: optional(seq("invalid_cursor")),
  selector: optional(selector),
});

const drop = [
  ["category", text("invalid_drop")],
  ["count", whole("invalid_drop", 1, MAX_U32)],
  ["reason", text("invalid_drop")],
] as const;

/** A merge patch of the capture config. The core says what is wrong in it. */
const patch = (code: string) =>
  plain<Record<string, unknown>>({
    type: "CaptureConfigPatch",
    code,
    expected: 'an object like {"categories": {"network": {"detail_level": "verbose"}}}',
  });

const collector = nullable(
  object(
    "CollectorTarget",
    "invalid_collector",
    {
      url: text("invalid_collector", "an address like http://127.0.0.1:28273"),
      secret: text("invalid_collector"),
      pairing: optional(text("invalid_collector")),
    },
    "ignored",
  ),
);

const rulesExpectation = {
  type: "RedactionRules",
  code: "invalid_redaction",
  expected: 'an object like {"disable": ["email"]}',
};

/** Redaction rules as JSON. The core says what is wrong in them. */
const redaction = kind(rulesExpectation, (value) =>
  typeof value === "object" && !Array.isArray(value) && value !== null
    ? (JSON.stringify(value) as string | undefined)
    : undefined,
);

const recorderOptions = object("RecorderOptions", INVALID_OPTIONS, {
  databaseName: optional(text(INVALID_OPTIONS)),
  resume: nullable(
    plain({
      type: "ResumeRecord",
      code: INVALID_OPTIONS,
      expected: "a record that saveResume was given, or null",
    }),
  ),
  start: object("WorkerStart", INVALID_OPTIONS, {
    reason: oneOf(
      '"install" | "update" | "browser_start" | "recording_started" | "wake" | "trap"',
      INVALID_OPTIONS,
      ["install", "update", "browser_start", "recording_started", "wake", "trap"],
    ),
  }),
  config: optional(patch("invalid_config")),
  redaction: optional(redaction),
  durability: optional(durability),
  saveResume: callback<(record: unknown) => unknown>(
    "(record: ResumeRecord | null) => Promise<void>",
    INVALID_OPTIONS,
  ),
  onStatus: optional(
    callback<(status: unknown) => void>("(status: RecorderStatus) => void", INVALID_OPTIONS),
  ),
});

const recordOptions = options("RecordOptions", {
  folder: optional(text(INVALID_OPTIONS)),
  recording: optional(flag(INVALID_OPTIONS)),
  capture: optional(patch("invalid_config")),
  collector: optional(collector),
  redaction: optional(plain<Record<string, unknown>>(rulesExpectation)),
  durability: optional(durability),
  screenshot_on_error: optional(flag(INVALID_OPTIONS)),
  screenshot_on_action: optional(flag(INVALID_OPTIONS)),
  onState: optional(
    callback<(state: "recording" | "stopped" | "error", detail?: string) => void>(
      '(state: "recording" | "stopped" | "error", detail?: string) => void',
      INVALID_OPTIONS,
    ),
  ),
});

const wasmSource: Kind<unknown> = kind(
  {
    type: "WasmSource",
    code: INVALID_OPTIONS,
    expected: "an address, a response, bytes or a compiled module of the wasm",
  },
  (value) => (typeof value === "string" || (typeof value === "object" && value !== null) ? value : undefined),
);

const categoryLogs = made(
  {
    type: "CategoryLogs",
    code: INVALID_OPTIONS,
    expected: "a CategoryLogs of this module's openCategoryLogs",
  },
  openedLogs,
);

export const SIGNATURES = {
  // Null has always meant the same as nothing here.
  init: [["source", optional(nullable(wasmSource))]],
  isTrap: [["error", anything("unknown")]],
  "new TabtapeError": [
    ["code", text()],
    ["message", text()],
    ["options", optional(anything("ErrorOptions"))],
  ],

  redactionRules: [["rules", optional(redaction)]],
  tryRedaction: [
    ["text", text()],
    ["rules", optional(redaction)],
  ],

  "new CaptureSession": [
    [
      "options",
      options("CaptureSessionOptions", {
        sessionId: optional(sessionId),
        ringCapacity: optional(whole("invalid_capacity", 1, MAX_U32)),
        ringMaxBytes: optional(whole("invalid_capacity", 1, MAX_U32)),
        log: optional(categoryLogs),
        redactionKey: optional(bytes("invalid_redaction_key", 32)),
        redaction: optional(redaction),
      }),
    ],
  ],
  "CaptureSession.publish": [["event", event]],
  "CaptureSession.publishBatch": [["events", events]],
  "CaptureSession.recordDrop": drop,
  "CaptureSession.setRedaction": [["rules", redaction]],
  "CaptureSession.reader": [["options", readerOptions]],
  "CaptureSession.committed": [["seq", optional(seq("invalid_cursor"))]],
  "CaptureSession.close": [],

  "Reader.tryRead": [],
  "Reader.read": [],
  "Reader.[Symbol.asyncIterator]": [],

  openCategoryLogs: [
    [
      "options",
      options("CategoryLogsOptions", {
        databaseName: optional(text(INVALID_OPTIONS)),
        sessionId: optional(sessionId),
        durability: optional(durability),
      }),
    ],
  ],
  "CategoryLogs.persist": [],
  "CategoryLogs.close": [],

  "new Lines": [["text", text()]],
  "Lines.select": [["selector", selectorText]],
  "Lines.har": [["requestId", optional(text())]],
  openLogReader: [["databaseName", optional(text())]],
  "LogReader.sessions": [],
  "LogReader.read": [
    ["session", sessionId],
    ["afterSeq", seq("invalid_cursor")],
    ["selector", selectorText],
    ["limit", whole(INVALID_ARGUMENT, 1, MAX_U32)],
  ],
  "LogReader.headers": [
    ["session", sessionId],
    ["afterSeq", seq("invalid_cursor")],
    ["untilSeq", seq("invalid_cursor")],
    ["selector", selectorText],
    ["limit", whole(INVALID_ARGUMENT, 1, MAX_U32)],
  ],
  "LogReader.tally": [["session", sessionId]],
  "LogReader.coverage": [["session", sessionId]],
  "LogReader.storage": [],
  "LogReader.tallyAnew": [],
  "LogReader.forget": [["selector", selectorText]],
  "LogReader.close": [],

  captureConfig: [["patch", optional(patch("invalid_config"))]],
  openRecorder: [["options", recorderOptions]],
  "Recorder.publish": [["event", event]],
  "Recorder.openRelay": [
    ["relayId", text()],
    ["acknowledged", seq(INVALID_ARGUMENT)],
  ],
  "Recorder.publishRelay": [
    ["relayId", text()],
    [
      "context",
      object(
        "RelayContext",
        "invalid_context",
        { metadata: texts("invalid_context"), url: text("invalid_context") },
        "ignored",
      ),
    ],
    ["firstMessage", seq(INVALID_ARGUMENT)],
    ["lines", text()],
  ],
  "Recorder.noteRelay": [
    ["queued", seq(INVALID_ARGUMENT)],
    ["events", seq(INVALID_ARGUMENT)],
    ["micros", seq(INVALID_ARGUMENT)],
  ],
  "Recorder.recordDrop": drop,
  "Recorder.commit": [],
  "Recorder.committed": [["seq", optional(seq("invalid_cursor"))]],
  "Recorder.confirmWatched": [
    [
      "until",
      plain<WatchedUntil>({
        type: "WatchedUntil",
        code: "invalid_watched_until",
        expected: "an object that JSON can hold",
      }),
    ],
  ],
  "Recorder.configure": [["patch", patch("invalid_config")]],
  "Recorder.setRedaction": [["rules", redaction]],
  "Recorder.isSiteRecorded": [["url", text()]],
  "Recorder.matchPatterns": [],
  "Recorder.connect": [["target", collector]],
  "Recorder.flush": [],
  "Recorder.reader": [["options", readerOptions]],
  "Recorder.forget": [["selector", selectorText]],
  "Recorder.status": [],
  "Recorder.close": [],

  record: [["options", recordOptions]],
  // A caller of it may need the event's category after a trap.
  "ExtensionRecorder.publish": [
    [
      "event",
      plain<EventInput>({
        type: "EventInput",
        code: "invalid_event",
        expected: "an object that JSON can hold",
      }),
    ],
  ],
  "ExtensionRecorder.mark": [["note", text()]],
  "ExtensionRecorder.start": [],
  "ExtensionRecorder.stop": [],
  "ExtensionRecorder.configure": [["patch", patch("invalid_config")]],
  "ExtensionRecorder.connect": [["collector", collector]],
  "ExtensionRecorder.flush": [],
} as const satisfies Record<string, Row>;
