/**
 * Requests that tell of the tool chain rather than of the page.
 *
 * Below `verbose` they are left out: source maps, hot updates, a bundler's modules, `data:` and `blob:` addresses.
 */
import type { CaptureConfig } from "../../src/js/types.ts";
import { isAtLeast, levelOf } from "./levels.ts";

const NOISE = [
  /^(?:data|blob):/,
  /\.map(?:[?#]|$)/,
  /\.hot-update\.(?:js|json|mjs)(?:[?#]|$)/,
  /\/(?:@vite|@react-refresh|@id|@fs)\b/,
  /\/node_modules\/\.vite\//,
  /\/__webpack_hmr\b|\/_next\/webpack-hmr\b|\/sockjs-node\//,
];

export function isNoise(config: CaptureConfig, url: string): boolean {
  const level = levelOf(config, "network");
  if (level === null || isAtLeast(level, "verbose")) return false;
  return NOISE.some((pattern) => pattern.test(url));
}
