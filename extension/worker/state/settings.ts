/**
 * Settings that outlive the browser: whether to record, what, and to which collector. Kept in `chrome.storage.local`.
 *
 * A preconfiguration (of ours, the file `tabtape.json` next to the manifest) is applied at the first worker start that
 * finds it or finds it changed, over what is stored; what a person changes afterwards stays changed.
 */
import type { Durability } from "../../../src/web/durability.ts";
import type { RedactionRules } from "../../../src/web/redaction.ts";
import type { CaptureConfigPatch, CollectorTarget } from "../../../src/web/types.ts";
import { SOURCE_MAP_MODES, type SourceMapMode } from "../../protocol.ts";
import type { Preconfiguration } from "../host.ts";

const KEY = "tabtape";

export interface Settings {
  recording: boolean;
  capture: CaptureConfigPatch;
  /** Rules of redaction that were added, and ids of rules that are silenced. */
  redaction: RedactionRules;
  collector: CollectorTarget | null;
  /** Ids of extensions whose events are taken. */
  approved_extensions: string[];
  /** The debugger producer: tabs are attached to only while this is on, or one by one from the popup. */
  debugger_all_tabs: boolean;
  screenshot_on_error: boolean;
  /** Pictures at clicks and navigations. */
  screenshot_on_action: boolean;
  /** The pages whose source maps are read, so that stacks name places of the sources. */
  source_maps: SourceMapMode;
  /** Whether pages keep details of what is recorded at `standard`; see `relay/details.ts`. */
  retroactive_detail: boolean;
  /** The selector of further events that call for them; empty for none. */
  retroactive_selector: string;
  /** Whether a loss of power may take the last seconds of a recording; `strict` prevents it and costs time. */
  durability: Durability;
  /** The text of the preconfiguration applied last. */
  preconfiguration: string | null;
}

export const DEFAULT_SETTINGS: Settings = {
  recording: false,
  capture: {},
  redaction: {},
  collector: null,
  approved_extensions: [],
  debugger_all_tabs: false,
  screenshot_on_error: false,
  screenshot_on_action: false,
  source_maps: "local",
  // The store's build has no debugger, and keeps less unless it is asked to.
  retroactive_detail: globalThis.chrome?.debugger !== undefined,
  retroactive_selector: "",
  durability: "relaxed",
  preconfiguration: null,
};

/** Returns null for a valid value, else what it must be. */
type Check = (value: unknown) => string | null;

const isBoolean = (value: unknown): boolean => typeof value === "boolean";
/** Checks what a preconfiguration has in the place of a setting. The others are checked where they are used. */
const CHECKS: Partial<Record<keyof Settings, Check>> = {
  recording: (value) => (isBoolean(value) ? null : "true or false"),
  collector: (value) => {
    if (value !== null) checkCollector(value);
    return null;
  },
  source_maps: (value) =>
    SOURCE_MAP_MODES.includes(value as SourceMapMode) ? null : '"off", "local" or "all"',
  retroactive_detail: (value) => (isBoolean(value) ? null : "a boolean"),
  retroactive_selector: (value) => (typeof value === "string" ? null : "a string"),
  durability: (value) => (value === "relaxed" || value === "strict" ? null : '"relaxed" or "strict"'),
};

export async function loadSettings(reading: Promise<Preconfiguration | null>): Promise<Settings> {
  const [preconfiguration, items] = await Promise.all([reading, chrome.storage.local.get(KEY)]);
  const stored = items[KEY] as Partial<Settings> | undefined;
  const settings: Settings = { ...DEFAULT_SETTINGS, ...stored };
  if (preconfiguration === null || preconfiguration.text === settings.preconfiguration) return settings;
  const applied = {
    ...settings,
    ...parsePreconfiguration(preconfiguration),
    preconfiguration: preconfiguration.text,
  };
  await saveSettings(applied);
  return applied;
}

export async function saveSettings(settings: Settings): Promise<void> {
  await chrome.storage.local.set({ [KEY]: settings });
}

/** Throws an error that names the field: a fleet whose file is wrong should not record something else. */
function parsePreconfiguration({ name: source, text }: Preconfiguration): Partial<Settings> {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`${source} is not JSON: ${(error as Error).message}`);
  }
  if (typeof file !== "object" || file === null || Array.isArray(file)) {
    throw new Error(`${source} must hold an object`);
  }
  const known = Object.keys(DEFAULT_SETTINGS).filter((name) => name !== "preconfiguration");
  for (const [name, value] of Object.entries(file)) {
    if (!known.includes(name))
      throw new Error(`${source}: unknown field "${name}", known are ${known.join(", ")}`);
    const expected = CHECKS[name as keyof Settings]?.(value) ?? null;
    if (expected !== null)
      throw new Error(`${source}: "${name}" is ${JSON.stringify(value)}, must be ${expected}`);
  }
  return file;
}

export function checkCollector(value: unknown): asserts value is CollectorTarget {
  const { url, secret } = (value ?? {}) as Record<string, unknown>;
  for (const [name, field] of Object.entries({ url, secret })) {
    if (typeof field !== "string" || field === "")
      throw new Error(`collector.${name} is ${JSON.stringify(field)}, must be a string`);
  }
  // Not the name localhost: it can lead to 127.0.0.1 or to ::1, where another program may listen.
  const loopback = /^http:\/\/(?:127\.0\.0\.1|\[::1\])(?::\d+)?\/?$/;
  if (!loopback.test(url as string)) {
    throw new Error(
      `collector.url is ${JSON.stringify(url)}, must be http:// with a loopback address, as http://127.0.0.1:28273`,
    );
  }
}
