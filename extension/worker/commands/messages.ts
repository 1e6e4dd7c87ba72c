/**
 * Commands of our own pages (popup, side panel, viewer): `{ command, … }`, answered by `{ ok }` or `{ error }`.
 *
 * Content scripts share our id, so a command counts only from a page whose origin is ours.
 */
import { type Command, SOURCE_MAP_MODES, type Status } from "../../protocol.ts";
import type { DebuggerProducer } from "../debugger/debugger.ts";
import type { External } from "../producers/external.ts";
import type { RecorderWorker } from "../wiring.ts";
import { forgetSite } from "./forget.ts";
import { pair, viewerLink, viewerUrl } from "./pairing.ts";

interface Parts extends Pick<RecorderWorker, "recording" | "marks" | "screenshots"> {
  external: External;
  debug: DebuggerProducer | null;
}

export function listenToPages(parts: Parts, ready: Promise<void>): void {
  chrome.runtime.onMessage.addListener((message: Command, sender, answer) => {
    if (sender.origin !== location.origin || typeof message?.command !== "string") return undefined;
    // A worker that could not begin still answers: its status says why.
    ready
      .catch(() => {})
      .then(() => run(parts, message))
      .then(
        (ok) => answer({ ok: ok ?? null }),
        (error: Error & { code?: string }) => answer({ error: error.message, code: error.code ?? null }),
      );
    return true;
  });
}

async function run(parts: Parts, message: Command): Promise<unknown> {
  const { recording, marks, screenshots, external, debug } = parts;
  switch (message.command) {
    case "status":
      return statusOf(parts);
    case "start":
      return recording.start();
    case "stop":
      return recording.stop();
    case "configure":
      return recording.configure(message.patch);
    case "redact":
      return recording.redact(message.rules);
    case "connect":
      return recording.connect(message.collector);
    case "pair":
      return pair(recording, message.url, message.code);
    case "open_viewer":
      return void (await chrome.tabs.create({ url: await viewerUrl(recording) }));
    case "viewer_link":
      return viewerLink(recording);
    case "flush":
      return recording.flush();
    case "forget":
      return forgetSite(recording, message.site);
    case "mark":
      return marks.mark(message.note);
    case "screenshot":
      return screenshots.take("hot_key");
    case "approve": {
      const others = recording.settings.approved_extensions.filter((id) => id !== message.extension_id);
      external.asking.delete(message.extension_id);
      return recording.change({
        approved_extensions: message.approved ? [...others, message.extension_id] : others,
      });
    }
    case "debug":
      if (debug === null) throw new Error("this build has no debugger permission; the developer build has");
      if (message.tab_id === "all") return debug.setAll(message.on);
      return message.on ? debug.attach(message.tab_id) : debug.detach(message.tab_id);
    case "screenshots":
      return recording.change({
        screenshot_on_error: message.on_error,
        screenshot_on_action: message.on_action,
      });
    case "retroactive_detail":
      return recording.keepDetails(message.on, message.selector);
    case "source_maps":
      if (!SOURCE_MAP_MODES.includes(message.mode))
        throw new Error(`mode is ${JSON.stringify(message.mode)}, must be "off", "local" or "all"`);
      return recording.change({ source_maps: message.mode });
    default:
      throw new Error(`unknown command ${JSON.stringify((message satisfies never as Command).command)}`);
  }
}

async function statusOf({ recording, external, debug }: Parts): Promise<Status> {
  // The failure is in the status.
  const config = await recording.config().catch(() => null);
  const { settings } = recording;
  return {
    ...recording.status,
    config,
    collector_url: settings.collector?.url ?? null,
    approved_extensions: settings.approved_extensions,
    asking_extensions: [...external.asking],
    debugger: {
      available: debug !== null,
      all_tabs: settings.debugger_all_tabs,
      tab_ids: debug?.attached ?? [],
    },
    screenshot_on_error: settings.screenshot_on_error,
    screenshot_on_action: settings.screenshot_on_action,
    source_maps: settings.source_maps,
    retroactive_detail: settings.retroactive_detail,
    retroactive_selector: settings.retroactive_selector,
    redaction: settings.redaction,
  };
}
