/**
 * Cargo's target folder: in the cache, one per clone, begun with the dependencies that another clone has built.
 *
 * One folder for all clones would be wrong: cargo tells a workspace's crates apart by their path inside the
 * workspace and by file times, so the older of two clones would be given what was built from the newer one.
 * Crates of a registry are the same everywhere, and are linked, not copied.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheDir, root } from "./paths.mjs";
import { textOf } from "./stamp.mjs";

/** Names the clone a folder belongs to. */
const OWNER = ".tabtape-clone";

/** Ours: what no other clone may be given. */
const OWN_CRATE = /^tabtape/;

/** Chooses this clone's folder, unless CARGO_TARGET_DIR says another. */
export function setTargetDir() {
  if (process.env.CARGO_TARGET_DIR) return;
  const all = cacheDir("targets");
  const mine = join(all, createHash("sha256").update(root).digest("hex").slice(0, 16));
  if (!existsSync(mine)) begin(all, mine);
  process.env.CARGO_TARGET_DIR = mine;
}

/** @param {string} all @param {string} mine */
function begin(all, mine) {
  const unfinished = `${mine}.${process.pid}`;
  mkdirSync(unfinished);
  const others = readdirSync(all)
    .map((name) => join(all, name))
    .filter((folder) => owner(folder));
  for (const folder of others.filter((other) => !existsSync(owner(other)))) {
    rmSync(folder, { recursive: true, force: true }); // Its clone is gone.
  }
  const newest = others.filter((folder) => existsSync(folder)).sort((a, b) => age(a) - age(b))[0];
  if (newest) linkDependencies(newest, unfinished);
  writeFileSync(join(unfinished, OWNER), root);
  renameSync(unfinished, mine);
}

/** @param {string} folder */
const owner = (folder) => textOf(join(folder, OWNER));

/** @param {string} folder */
const age = (folder) => Date.now() - statSync(folder).mtimeMs;

/**
 * Links what each profile has of other crates: their fingerprints, build scripts' output and artefacts, told by the
 * hash that cargo gives each unit.
 * @param {string} from @param {string} to
 */
function linkDependencies(from, to) {
  for (const profile of profilesIn(from)) {
    const fingerprints = readdirSync(join(from, profile, ".fingerprint"));
    const shared = new Set(fingerprints.filter((name) => !OWN_CRATE.test(name)).map(unitOf));
    for (const kind of [".fingerprint", "build", "deps"]) {
      const folder = join(profile, kind);
      if (!existsSync(join(from, folder))) continue;
      for (const name of readdirSync(join(from, folder))) {
        if (OWN_CRATE.test(name) || !shared.has(unitOf(name))) continue;
        try {
          linkTree(join(from, folder, name), join(to, folder, name));
        } catch (error) {
          // A build in the other folder has replaced it: then cargo compiles it here.
          if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
        }
      }
    }
  }
}

/** Folders with units in them: `debug`, `wasm32-unknown-unknown/wasm`. @param {string} target */
function profilesIn(target) {
  const folders = readdirSync(target).flatMap((name) => {
    const inside = statSync(join(target, name)).isDirectory() ? readdirSync(join(target, name)) : [];
    return [name, ...inside.map((profile) => join(name, profile))];
  });
  return folders.filter((folder) => existsSync(join(target, folder, ".fingerprint")));
}

/** `serde-0123456789abcdef` and `libserde-0123456789abcdef.rlib` are of one unit. @param {string} name */
const unitOf = (name) => /-([0-9a-f]{16})(\.|$)/.exec(name)?.[1] ?? name;

/** @param {string} from @param {string} to */
function linkTree(from, to) {
  if (!statSync(from).isDirectory()) {
    mkdirSync(join(to, ".."), { recursive: true });
    return linkSync(from, to);
  }
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) linkTree(join(from, name), join(to, name));
}
