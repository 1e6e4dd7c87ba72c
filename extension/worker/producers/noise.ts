/** Recognizes requests of the tool chain, not of the page: below `verbose`, those of the chosen presets are left out. */
import type { CaptureConfig, Noise } from "../../../src/web/types.ts";
import { isAtLeast } from "../../capture.ts";
import { levelOf } from "./levels.ts";

const PRESETS: Record<Noise, RegExp> = {
  source_maps: /\.map(?:[?#]|$)/,
  hot_updates:
    /\.hot-update\.(?:js|json|mjs)(?:[?#]|$)|\/__webpack_hmr\b|\/_next\/webpack-hmr\b|\/sockjs-node\//,
  bundler_modules: /\/(?:@vite|@react-refresh|@id|@fs)\b|\/node_modules\/\.vite\//,
  data_urls: /^(?:data|blob):/,
};

export function isNoise(config: CaptureConfig, url: string): boolean {
  const level = levelOf(config, "network");
  if (level === null || isAtLeast(level, "verbose")) return false;
  return config.noise.some((preset) => PRESETS[preset].test(url));
}
