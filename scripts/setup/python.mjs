/** Python packages that tests use, in an environment of its own in the cache. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../lib/paths.mjs";
import { canApt, isWindows } from "../lib/platform.mjs";
import { capture, run } from "../lib/run.mjs";
import { note, Tell } from "../lib/say.mjs";
import { hashOf } from "../lib/stamp.mjs";
import { aptInstall } from "./apt.mjs";
import { attempt } from "./attempt.mjs";

/** The SDK of the Model Context Protocol, a validator of OpenAPI documents, and the messages of OpenTelemetry. */
const PACKAGES = ["mcp==2.3.0", "openapi-spec-validator==0.9.0", "opentelemetry-proto==1.45.2"];

/** The variable that leaves out their tests, for machines without a network or without Python. */
export const WITHOUT_PYTHON = "TABTAPE_WITHOUT_PYTHON";

/** The environment's interpreter, made if absent; null if its tests are left out. */
export async function setUpPython() {
  if (process.env[WITHOUT_PYTHON]) {
    note(`${WITHOUT_PYTHON} is set: nothing is tested with ${PACKAGES.join(", ")}`);
    return null;
  }
  const folder = cacheDir("tools", `python-${hashOf([], PACKAGES.join()).slice(0, 12)}`);
  const python = isWindows ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
  const done = join(folder, ".stamp");
  if (existsSync(done)) return python;
  const failed = `${PACKAGES.join(", ")} could not be installed from PyPI`;
  const advice = `Set ${WITHOUT_PYTHON}=1 to leave the tests out that use them.`;
  return attempt(folder, failed, advice, async () => {
    await run("Make a Python environment", await pythonWithVenv(), ["-m", "venv", "--clear", folder]);
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES];
    await run(`Install ${PACKAGES.join(", ")}`, python, args);
    writeFileSync(done, "");
    return python;
  });
}

function pythonWithVenv() {
  const hasVenv = async (/** @type {string} */ python) =>
    (await capture(python, ["-c", "import venv, ensurepip"]).catch(() => ({ status: 1 }))).status === 0;
  return pythonWith(hasVenv, "venv", ["python3", "python3-venv"]);
}

/**
 * Returns the first Python that `fits`. If this machine has no such Python, it is installed from Debian's packages.
 * @param {(python: string) => Promise<boolean>} fits @param {string} what @param {string[]} packages
 */
export async function pythonWith(fits, what, packages) {
  const found = async () => {
    for (const python of ["python3", "/usr/bin/python3"]) if (await fits(python)) return python;
    return null;
  };
  const python = await found();
  if (python) return python;
  if (canApt()) await aptInstall(`Install ${what}`, packages);
  const installed = await found();
  if (!installed) throw new Tell(`there is no python3 with ${what}`);
  return installed;
}
