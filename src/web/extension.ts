/**
 * `tabtape/extension`: the whole recorder in the service worker of another extension (Manifest V3).
 *
 * ```ts
 * import { record } from "tabtape/extension";
 * const tabtape = record({ recording: true, capture: { sites: { include: ["app.example.com"] } } });
 * await tabtape.publish({ type: "app.saved", category: "app", source: { kind: "extension" }, data: { id: 7 } });
 * ```
 *
 * The extension holds the package's `dist/npm/extension` folder and `tabtape.wasm` together in one folder of its own,
 * `tabtape/` unless `folder` says another; the permissions `alarms`, `scripting`, `storage`, `tabs`, `unlimitedStorage`,
 * `webNavigation` and `webRequest`; host permissions for the sites it records; and in its policy `'wasm-unsafe-eval'`.
 *
 * Settings, the pairing's secret among them, are kept in `chrome.storage.local` under `tabtape`. Content scripts can
 * read that unless the extension calls `chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" })`.
 */
import type { Host } from "../../extension/worker/host.ts";
import { createWorker } from "../../extension/worker/wiring.ts";
import type { Durability } from "./durability.ts";
import { TabtapeError } from "./errors.ts";
import { checked } from "./kinds.ts";
import type { RedactionRules } from "./redaction.ts";
import { SIGNATURES } from "./signatures.ts";
import type {
  CaptureConfig,
  CaptureConfigPatch,
  CollectorTarget,
  EventInput,
  RecorderStatus,
} from "./types.ts";

export interface RecordOptions {
  /** Folder of the recorder's files in this extension; `tabtape/` when absent. */
  folder?: string;
  /** Whether to record. Later calls of `start` and `stop` hold until an option here changes. */
  recording?: boolean;
  /** The capture config, as a merge patch of the defaults. */
  capture?: CaptureConfigPatch;
  /** The collector; without one, records wait in IndexedDB. */
  collector?: CollectorTarget | null;
  /** Rules of redaction to add to the built-in ones, and rules to silence. */
  redaction?: RedactionRules;
  /** When a commit counts as done; see `CategoryLogsOptions`. */
  durability?: Durability;
  /** Take a picture of the tab at uncaught errors and rejections, at most two per second. */
  screenshot_on_error?: boolean;
  /** Take a picture of the tab at clicks and navigations, at most two per second. */
  screenshot_on_action?: boolean;
  /** Called when recording begins, ends, or needs a person, with why. */
  onState?(state: "recording" | "stopped" | "error", detail?: string): void;
}

/** The recorder of this service worker. */
export interface ExtensionRecorder {
  /** Resolves when it records, or when nothing is to be recorded; rejects with what is wrong. */
  readonly ready: Promise<void>;
  /** Publishes an event of this extension's own. Resolves to its seq; to null while nothing is recorded. */
  publish(event: EventInput): Promise<number | null>;
  /** Notes that here it happened, with a picture of the tab in front. */
  mark(note: string): Promise<void>;
  start(): Promise<void>;
  /** Delivers what it can, ends the session, and gives every page its own console back. */
  stop(): Promise<void>;
  /** Applies a merge patch to the capture config, live. Null while nothing is recorded: it then holds from the start. */
  configure(patch: CaptureConfigPatch): Promise<CaptureConfig | null>;
  /** Delivers to another collector from now on; to none with null. */
  connect(collector: CollectorTarget | null): Promise<void>;
  /** Resolves when the collector has everything committed so far. */
  flush(): Promise<void>;
  /** Null while nothing is recorded. */
  readonly status: RecorderStatus | null;
}

const PERMISSIONS = [
  "alarms",
  "scripting",
  "storage",
  "tabs",
  "unlimitedStorage",
  "webNavigation",
  "webRequest",
];

/**
 * Begins to record. Call it once, at the top level of the service worker: its listeners have to be there when the
 * event that woke the worker is delivered. Throws `missing_permission`.
 */
export function record(options?: RecordOptions): ExtensionRecorder {
  const [read] = checked(SIGNATURES.record, options);
  checkPermissions();
  const { folder = "tabtape/", onState, ...settings } = read;
  const host: Host = {
    folder: folder === "" || folder.endsWith("/") ? folder : `${folder}/`,
    preconfiguration: async () => ({ name: "record()", text: JSON.stringify(settings) }),
    show: async (state, detail) => onState?.(state, detail),
  };
  const { ready, owner, marks, recording } = createWorker(host);
  // A failure reaches the caller that awaits this, and `onState`.
  const settled = ready.catch(() => {});
  return {
    ready,
    async publish(event) {
      const [read] = checked(SIGNATURES["ExtensionRecorder.publish"], event);
      await ready;
      try {
        return owner.recorder?.publish(read) ?? null;
      } catch (error) {
        owner.trapped(error, read.category);
        throw error;
      }
    },
    async mark(note) {
      const row = checked(SIGNATURES["ExtensionRecorder.mark"], note);
      await ready;
      await marks.mark(...row);
    },
    start: () => settled.then(() => recording.start()),
    stop: () => settled.then(() => recording.stop()),
    async configure(patch) {
      const row = checked(SIGNATURES["ExtensionRecorder.configure"], patch);
      await ready;
      return recording.configure(...row);
    },
    async connect(collector) {
      const row = checked(SIGNATURES["ExtensionRecorder.connect"], collector);
      await ready;
      await recording.connect(...row);
    },
    flush: () => ready.then(() => recording.flush()),
    get status() {
      return owner.recorder?.status() ?? null;
    },
  };
}

function checkPermissions(): void {
  const { permissions = [] } = chrome.runtime.getManifest();
  const missing = PERMISSIONS.filter((name) => !(permissions as string[]).includes(name));
  if (missing.length === 0) return;
  throw new TabtapeError(
    "missing_permission",
    `manifest.json lacks the permissions ${missing.join(", ")}; recording needs ${PERMISSIONS.join(", ")}`,
  );
}
