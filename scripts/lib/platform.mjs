/** Facts of this machine: the user, the system, the programs. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

export const isWindows = process.platform === "win32";

/** Root on Unix: may install packages; must pass `--no-sandbox` to Chromium. */
export const isRoot = process.getuid?.() === 0;

/** A program's file name on this platform. @param {string} name */
export const exe = (name) => (isWindows ? `${name}.exe` : name);

/** True where `apt-get` can be used to install what is missing. */
export function canApt() {
  return (
    isRoot && process.platform === "linux" && existsSync("/etc/debian_version") && which("apt-get") !== null
  );
}

/** A screen to show a window on. */
export function hasDisplay() {
  if (process.platform !== "linux") return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** The first file on PATH that would run as `name`, or null. @param {string} name @param {string} [path] */
export function which(name, path = process.env.PATH ?? "") {
  const endings = isWindows ? (process.env.PATHEXT ?? ".EXE;.CMD").split(";") : [""];
  for (const folder of path.split(delimiter).filter(Boolean)) {
    for (const ending of endings) {
      const file = join(folder, name + ending);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // Not there, or not ours to run: the next one may be.
      }
    }
  }
  return null;
}

/** The version of a package in Cargo.lock. @param {string} root @param {string} name */
export function lockedCrate(root, name) {
  const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
  const version = lock.match(new RegExp(`^name = "${name}"\\nversion = "([^"]+)"`, "m"))?.[1];
  if (!version) throw new Error(`Cargo.lock names no crate ${name}; run cargo generate-lockfile`);
  return version;
}
