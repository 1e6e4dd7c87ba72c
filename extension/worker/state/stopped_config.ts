/**
 * The capture config that the next recording will have, shown while there is no recorder to ask.
 *
 * The defaults are the core's (src/config); a test holds them together.
 */
import type { CaptureConfig, CaptureConfigPatch, CategoryConfig } from "../../../src/web/types.ts";
import { EVENT_BYTES, NETWORK_EVENT_BYTES } from "../../capture.ts";
import { merge } from "./merge.ts";

const category = (max_event_bytes = EVENT_BYTES): CategoryConfig => ({
  enabled: true,
  detail_level: "standard",
  max_event_bytes,
});

const DEFAULTS: CaptureConfig = {
  categories: {
    console: category(),
    network: category(NETWORK_EVENT_BYTES),
    page: category(),
    tab: category(),
    interaction: category(),
    system: category(),
  },
  sites: { include: ["*"], exclude: [] },
  noise: ["source_maps", "hot_updates", "bundler_modules", "data_urls"],
  observe_requests: true,
};

export function stoppedConfig(patch: CaptureConfigPatch): CaptureConfig {
  const config = merge(DEFAULTS, patch) as CaptureConfig;
  // A patch of a category that others bring names some of its fields only.
  for (const [name, given] of Object.entries(config.categories))
    config.categories[name] = { ...category(), ...given };
  return config;
}
