/** The package as it would be published: packed, and installed in an empty project. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { capture, npm } from "../../scripts/lib/run.mjs";

/** The result of `exercise`, the same wherever it runs. */
export const EXPECTED = {
  seq: 1,
  refused: [[1, "invalid_event"]],
  text: "žluťoučký",
  kinds: ["envelope", "gap", "envelope"],
  latestSeq: 4,
  code: "closed",
};

export async function installedProject() {
  const folder = mkdtempSync(join(tmpdir(), "tabtape-npm-"));
  const answer = JSON.parse(await succeed(...npm(["pack", "--json", "--pack-destination", folder])));
  const project = join(folder, "project");
  cpSync(fileURLToPath(new URL("consumer", import.meta.url)), project, { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }');
  const tarball = join(folder, answer[0].filename);
  await succeed(...npm(["install", "--offline", "--no-audit", "--no-fund", tarball]), { cwd: project });
  return {
    folder,
    /** A project that has the package as its only dependency. */
    project,
    /** Files of the tarball. @type {string[]} */
    packed: answer[0].files.map((/** @type {{ path: string }} */ file) => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/**
 * Runs a program that must succeed, and returns its output.
 * @param {string} command @param {string[]} args @param {import("../../scripts/lib/run.mjs").RunOptions} [options]
 */
export async function succeed(command, args, options) {
  const { status, stdout, output } = await capture(command, args, options);
  assert.equal(status, 0, `${command} ${args.join(" ")}\n${output}`);
  return stdout;
}
