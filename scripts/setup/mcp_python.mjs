/** The Python SDK of the Model Context Protocol, in an environment of its own in the cache. Only a test needs it. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../lib/paths.mjs";
import { canApt, isWindows } from "../lib/platform.mjs";
import { capture, run } from "../lib/run.mjs";
import { note, Tell } from "../lib/say.mjs";
import { aptInstall } from "./apt.mjs";

const VERSION = "2.3.0";

/** The variable that leaves out its test, for machines without a network or without Python. */
export const WITHOUT_MCP_PYTHON = "TABTAPE_WITHOUT_MCP_PYTHON";

/** The environment's interpreter, made if absent; null if its test is left out. */
export async function setUpMcpPython() {
  if (process.env[WITHOUT_MCP_PYTHON]) {
    note(`${WITHOUT_MCP_PYTHON} is set: nothing is tested with the Python SDK of MCP`);
    return null;
  }
  const folder = cacheDir("tools", `mcp-python-${VERSION}`);
  const python = isWindows ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
  if (existsSync(python) && (await installedVersion(python)) === VERSION) return python;
  try {
    await run("Make a Python environment", await pythonWithVenv(), ["-m", "venv", "--clear", folder]);
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", `mcp==${VERSION}`];
    await run(`Install mcp ${VERSION} for Python`, python, args);
    return python;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const why = error instanceof Error ? error.message : String(error);
    throw new Tell(
      `the Python SDK mcp ${VERSION} could not be installed from PyPI (${why}). Set ${WITHOUT_MCP_PYTHON}=1 to leave ` +
        "its test out.",
    );
  }
}

/** @param {string} python */
async function installedVersion(python) {
  const code = "import importlib.metadata as m; print(m.version('mcp'))";
  const { status, stdout } = await capture(python, ["-c", code]);
  return status === 0 ? stdout.trim() : null;
}

async function pythonWithVenv() {
  const found = async () => {
    for (const python of ["python3", "/usr/bin/python3"]) {
      const { status } = await capture(python, ["-c", "import venv, ensurepip"]).catch(() => ({ status: 1 }));
      if (status === 0) return python;
    }
    return null;
  };
  const python = await found();
  if (python) return python;
  if (canApt()) await aptInstall("Install Python's venv", ["python3", "python3-venv"]);
  const installed = await found();
  if (!installed) throw new Tell("there is no python3 with venv");
  return installed;
}
