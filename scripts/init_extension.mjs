/**
 * `npx tabtape init-extension DIR`: copies the files of `tabtape/extension` into `DIR/tabtape/`, and compares the
 * manifest in DIR with what recording needs. It changes nothing else.
 */
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const USAGE = `Usage: npx tabtape init-extension DIR

DIR is the folder of your extension, with its manifest.json. The recorder's
content scripts and its wasm are copied to DIR/tabtape. Run it again after each
update of the package.
`;

/** The permissions without which `record()` throws `missing_permission`. */
const PERMISSIONS = [
  "alarms",
  "scripting",
  "storage",
  "tabs",
  "unlimitedStorage",
  "webNavigation",
  "webRequest",
];

const PACKAGED = fileURLToPath(new URL("../dist/npm/", import.meta.url));

/** @param {string[]} args @returns {number} The exit status. */
export function initExtension(args) {
  const [folder, ...others] = args;
  if (folder === undefined || folder.startsWith("-") || others.length > 0) {
    process.stderr.write(USAGE);
    return folder === "--help" ? 0 : 2;
  }
  if (!existsSync(folder)) {
    process.stderr.write(`tabtape: ${folder}: there is no such folder\n`);
    return 1;
  }
  const copied = join(folder, "tabtape");
  mkdirSync(copied, { recursive: true });
  cpSync(join(PACKAGED, "extension"), copied, { recursive: true });
  cpSync(join(PACKAGED, "tabtape.wasm"), join(copied, "tabtape.wasm"));
  process.stdout.write(`Copied the recorder to ${copied}\n`);

  const missing = missingFrom(join(folder, "manifest.json"));
  if (missing.length > 0) process.stdout.write(`manifest.json still needs:\n${missing.join("\n")}\n`);
  return 0;
}

/** Returns the manifest's missing entries that recording needs, one line each. @param {string} file */
function missingFrom(file) {
  const manifest = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const lines = [];
  if (manifest.manifest_version !== 3) lines.push('  "manifest_version": 3');
  if (!manifest.background?.service_worker) lines.push('  "background": { "service_worker": "worker.js" }');
  const permissions = PERMISSIONS.filter((name) => !manifest.permissions?.includes(name));
  if (permissions.length > 0) lines.push(`  "permissions": ${JSON.stringify(permissions)}`);
  if (!manifest.host_permissions?.length)
    lines.push('  "host_permissions": the sites to record, or ["<all_urls>"]');
  if (!manifest.content_security_policy?.extension_pages?.includes("'wasm-unsafe-eval'")) {
    lines.push(
      `  "content_security_policy": { "extension_pages": "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'" }`,
    );
  }
  return lines;
}
