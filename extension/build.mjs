/**
 * The parts of the extension: bundles, files written here, and two manifests.
 *
 * `dist/extension` is the developer build, `dist/extension-store` the store's: optional host permissions, no debugger.
 */

import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** The build target: the least Chrome the manifest asks for. */
export const MINIMUM_CHROME = "120";

/** @type {{ out: string, in: string }[]} Each becomes one classic script, `<out>.js`. */
export const bundles = [
  { out: "worker", in: here("worker/main.ts") },
  { out: "relay", in: here("relay/relay.ts") },
  { out: "hook", in: here("page/hook.ts") },
  { out: "popup", in: here("popup/popup.tsx") },
  { out: "pair", in: here("pair/pair.tsx") },
  { out: "panel", in: here("panel/panel.tsx") },
  { out: "options", in: here("options/options.tsx") },
  { out: "viewer", in: here("viewer/viewer.tsx") },
];

/**
 * A page that was there first may have broken the built-ins the hook needs: then nothing is recorded of its console,
 * and the page must not notice.
 *
 * @type {import("esbuild").Plugin}
 */
const quietHook = {
  name: "quiet-hook",
  setup(build) {
    build.onEnd(({ outputFiles }) => {
      const hook = outputFiles?.find(({ path }) => /[\\/]hook\.js$/.test(path));
      // At the very front, or the directive has no effect and `this` of a wrapper is boxed.
      if (hook) hook.contents = Buffer.from(unseen(`"use strict";try{${hook.text.trimEnd()}}catch{}\n`));
    });
  },
};

/** The hook's name in stacks. */
const HOOK_NAME = "tabtape/hook.js";

/**
 * A script with a source map that says one thing: to be left out where DevTools show who called. Without it, each of a
 * page's console messages would be shown as coming from the hook.
 *
 * And with a name of its own: a message whose source is an extension's address is sent to the browser a second time,
 * with its stack, which costs the page more than all that the hook does. Nor does the name tell a page which
 * extension it is.
 *
 * @param {string} script
 */
function unseen(script) {
  const map = {
    version: 3,
    sources: [HOOK_NAME],
    sourcesContent: ["// Calls the page's own console, and records that it did.\n"],
    names: [],
    // Each line, from its first column on, is the first of the source.
    mappings: script
      .trimEnd()
      .split("\n")
      .map(() => "AAAA")
      .join(";"),
    ignoreList: [0],
    // Its name before it was agreed upon.
    x_google_ignoreList: [0],
  };
  const address = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}`;
  return `${script}//# sourceMappingURL=${address}\n//# sourceURL=${HOOK_NAME}\n`;
}

/** Options all bundles share. The hook must not get helpers that call what a page may have replaced. */
export const esbuildOptions = {
  bundle: true,
  plugins: [quietHook],
  // Hook and relay are parsed in every frame of every page.
  minify: true,
  format: /** @type {const} */ ("iife"),
  target: [`chrome${MINIMUM_CHROME}`],
  jsx: /** @type {const} */ ("automatic"),
  jsxImportSource: "preact",
  legalComments: /** @type {const} */ ("none"),
  // Our pages look like the viewer: its tokens, its fonts.
  loader: /** @type {const} */ ({ ".woff2": "file" }),
  assetNames: "fonts/[name]",
  write: /** @type {const} */ (false),
  logLevel: /** @type {const} */ ("warning"),
  // The npm entry's default address of the wasm: the worker gives its own.
  logOverride: /** @type {const} */ ({ "empty-import-meta": "silent" }),
};

/**
 * The pages by name. A page's script fills its root.
 *
 * @type {Record<string, { title: string, root: string, head?: string }>}
 */
const PAGES = {
  popup: { title: "Tabtape", root: '<main id="popup"></main>' },
  pair: { title: "Pair with a Tabtape collector", root: '<main id="pair"></main>' },
  panel: { title: "Tabtape: this tab", root: '<div id="app"></div>' },
  options: { title: "Tabtape: redaction", root: '<main id="options"></main>' },
  viewer: {
    title: "Tabtape",
    root: '<div id="app"></div>',
    head: '<meta name="color-scheme" content="light dark"><link rel="icon" href="icons/recording-32.png">',
  },
};

const LEVELS = ["off", "minimal", "standard", "verbose", "raw"];

/** Written by the build: path → content. See relay/settings.ts for the levels. */
export function writtenFiles() {
  /** @type {Record<string, string | Uint8Array>} */
  const files = {};
  for (const category of ["console", "network", "page", "interaction"]) {
    for (const level of LEVELS) {
      files[`levels/${category}-${level}.js`] =
        `(globalThis.tabtapeSettings ??= {}).${category} = "${level}";\n`;
    }
  }
  for (const [name, on] of Object.entries({ on: true, off: false }))
    files[`levels/details-${name}.js`] = `(globalThis.tabtapeSettings ??= {}).details = ${on};\n`;
  for (const [name, { title, root, head = "" }] of Object.entries(PAGES)) {
    files[`${name}.html`] = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title>${head}<link rel="stylesheet" href="${name}.css"></head>
<body>${root}<script src="${name}.js"></script></body>
</html>
`;
  }
  for (const [state, colour] of Object.entries(ICON_COLOURS)) {
    for (const size of ICON_SIZES) files[`icons/${state}-${size}.png`] = icon(size, colour);
  }
  return files;
}

const ICON_SIZES = [16, 32, 48, 128];

/** By the states of `worker/recorder/badge.ts`. @type {Record<string, [red: number, green: number, blue: number]>} */
const ICON_COLOURS = { recording: [198, 40, 40], stopped: [112, 112, 112], error: [239, 108, 0] };

/**
 * The public key behind the developer build's id, so that a pairing outlives a move of its folder. Its private half
 * was thrown away: nothing is ever signed with it.
 */
const DEVELOPER_KEY =
  "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlnRwy957Om62zpnEHen5GIGlZXcsn3lSB4C1cjJfxrOf/8qLtSe8GYiSRu8vyUczP57I+C8ZP8rJ2Sq3bSIce5R9kCfV7A13p/UqAnOBvRnjEj9gy5SbIhxO1J/MDiGvZftdI5BJRo/Z7z1eBgEo6ltc69vpFXpo80YTjyIRdx9glyuAHV60k5xs1UWmOHZQS5KaZ5ndgshj/7sPzYTz4po4jql+yOr0sssyVhfIZPzrJNQYZk4FaJa8ft9DoX/nveGQO3WHV3A6S5uSLyD3u+zR5kQ1Tkal0rA5uxxbzwPM6qRlQrgJSCeyPRPX+Q53INrMwdh49LK1skBoKSqnkwIDAQAB";

/** @param {"developer" | "store"} build @param {string} version */
export function manifest(build, version) {
  const developer = build === "developer";
  return {
    manifest_version: 3,
    name: developer ? "Tabtape (developer build)" : "Tabtape",
    description:
      "A flight recorder for browser tabs: console, errors, network and navigation, kept and delivered.",
    version,
    minimum_chrome_version: MINIMUM_CHROME,
    ...(developer ? { key: DEVELOPER_KEY } : {}),
    background: { service_worker: "worker.js" },
    action: { default_popup: "popup.html", default_title: "Tabtape", default_icon: icons("stopped") },
    icons: icons("recording"),
    options_ui: { page: "options.html", open_in_tab: true },
    side_panel: { default_path: "panel.html" },
    permissions: [
      "sidePanel",
      "storage",
      "unlimitedStorage",
      "alarms",
      "scripting",
      "tabs",
      "webNavigation",
      "webRequest",
      ...(developer ? ["debugger"] : []),
    ],
    ...(developer ? { host_permissions: ["<all_urls>"] } : { optional_host_permissions: ["<all_urls>"] }),
    incognito: "not_allowed",
    content_security_policy: {
      extension_pages: "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'; frame-ancestors 'none'",
    },
    // Other extensions may speak to us, no page may: there are no `matches`.
    externally_connectable: { ids: ["*"] },
    commands: {
      mark: { suggested_key: { default: "Alt+Shift+M" }, description: "Mark: here it happened" },
      screenshot: {
        suggested_key: { default: "Alt+Shift+S" },
        description: "Record a screenshot of this tab",
      },
    },
  };
}

/** @param {string} state */
function icons(state) {
  return Object.fromEntries(ICON_SIZES.map((size) => [`${size}`, `icons/${state}-${size}.png`]));
}

/** A disc with a white ring, as a PNG. @param {number} size @param {[number, number, number]} colour */
function icon(size, colour) {
  const pixels = Buffer.alloc(size * size * 4);
  const center = (size - 1) / 2;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const distance = Math.hypot(x - center, y - center) / (size / 2);
      const ring = distance > 0.5 && distance < 0.66;
      const [red, green, blue] = ring ? [255, 255, 255] : colour;
      const alpha = Math.max(0, Math.min(1, (1 - distance) * (size / 2))) * 255;
      pixels.set([red, green, blue, Math.round(alpha)], (y * size + x) * 4);
    }
  }
  return png(size, pixels);
}

/** @param {number} width @param {Buffer} pixels Red, green, blue and alpha of each. */
export function png(width, pixels) {
  const rows = [];
  for (let at = 0; at < pixels.length; at += width * 4)
    rows.push(Buffer.alloc(1), pixels.subarray(at, at + width * 4));
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length / 2, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}

/** node:zlib has it only since Node 22. @param {Buffer} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
