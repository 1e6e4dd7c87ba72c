/**
 * The tools of all environments, and an empty project for each with the packed package in it.
 *
 * Both are outside the tree, so that no tool finds this repository's own modules or settings.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDir } from "../../scripts/lib/paths.mjs";
import { npm } from "../../scripts/lib/run.mjs";
import { isStamped, stamp } from "../../scripts/lib/stamp.mjs";
import { succeed } from "../npm/project.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const EXERCISE = fileURLToPath(new URL("../npm/consumer/exercise.mjs", import.meta.url));

export async function openWorkspace() {
  const tools = cacheDir("environments");
  await installTools(tools);
  const folder = join(tools, `run-${process.pid}`);
  mkdirSync(folder);
  const [packed] = JSON.parse(await succeed(...npm(["pack", "--json", "--pack-destination", folder])));
  const tarball = join(folder, packed.filename);
  writeFileSync(join(folder, "package.json"), '{ "name": "projects", "private": true, "type": "module" }');
  await succeed(...npm(["install", "--offline", "--no-audit", "--no-fund", tarball]), { cwd: folder });
  return {
    tools: join(tools, "node_modules"),
    tarball,
    /** A program of a tool. @param {string} name */
    bin: (name) => join(tools, "node_modules", ".bin", name),
    /**
     * Makes a project of these files, next to `exercise.mjs`. @param {string} name @param {Record<string, string>} files
     */
    project(name, files) {
      const project = join(folder, name);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(project, path)), { recursive: true });
        writeFileSync(join(project, path), text);
      }
      cpSync(EXERCISE, join(project, "exercise.mjs"));
      return project;
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** @param {string} folder */
async function installTools(folder) {
  const lock = readFileSync(join(HERE, "package-lock.json"), "utf8");
  if (existsSync(join(folder, "node_modules")) && isStamped(join(folder, ".stamp"), lock)) return;
  for (const name of ["package.json", "package-lock.json"]) cpSync(join(HERE, name), join(folder, name));
  // Bun and Deno fetch nothing: their programs are packages of their own, which an install script links.
  const [command, args] = npm(["ci", "--no-audit", "--no-fund", "--prefer-offline"]);
  await succeed(command, args, { cwd: folder });
  stamp(join(folder, ".stamp"), lock);
}
