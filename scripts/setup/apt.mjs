/** Debian packages, installed where we are root on Debian. */
import { capture, run } from "../lib/run.mjs";

/** Another apt may run at the same time: wait for its lock instead of failing on it. */
const OPTIONS = ["-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=300"];

/** The call before this one: apt-get fails at once when another of our calls holds the lock of its package lists. */
let previous = Promise.resolve();

/** Whether this process has read the package lists. */
let hasRead = false;

/** @param {string} title @param {string[]} packages */
export function aptInstall(title, packages) {
  const installed = previous.then(() => install(title, packages));
  previous = installed.catch(() => {});
  return installed;
}

/** @param {string} title @param {string[]} packages */
async function install(title, packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const update = ["update", "-o", "DPkg::Lock::Timeout=300"];
  if (!hasRead) await run("Read Debian's package lists", "apt-get", update, { env });
  hasRead = true;
  await run(title, "apt-get", ["install", ...OPTIONS, ...packages], { env });
}

/** The installed version of a package, or null. @param {string} name */
export async function installedVersion(name) {
  const { status, stdout } = await capture("dpkg-query", [
    "--show",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query substitutes it.
    "--showformat=${db:Status-Status} ${Version}",
    name,
  ]);
  const [state, version] = stdout.trim().split(" ");
  return status === 0 && state === "installed" && version ? version : null;
}
