/** rotel out of its wheel, by pip, into the cache. Only tests and benchmarks need it. */
import { ROTEL_VERSION, rotelFile, rotelRoot } from "../lib/rotel.mjs";
import { run, versionOf } from "../lib/run.mjs";
import { note, Tell } from "../lib/say.mjs";
import { attempt } from "./attempt.mjs";
import { pythonWith } from "./python.mjs";

/** The variable that leaves out rotel's test, for machines without a network and a wheel. */
const WITHOUT = "TABTAPE_WITHOUT_ROTEL";

export async function setUpRotel() {
  if (rotelFile()) return;
  const named = process.env.TABTAPE_ROTEL;
  if (named) throw new Tell(`TABTAPE_ROTEL names ${named}, which is not there`);
  if (process.env[WITHOUT]) {
    note(`${WITHOUT} is set: nothing is tested against a foreign OpenTelemetry collector`);
    return;
  }
  const failed = `rotel ${ROTEL_VERSION} could not be installed from PyPI`;
  const advice = `Name its program in TABTAPE_ROTEL, or set ${WITHOUT}=1 to leave its test out.`;
  await attempt(rotelRoot(), failed, advice, async () => {
    const hasPip = async (/** @type {string} */ python) =>
      Boolean(await versionOf(python, ["-m", "pip", "--version"]));
    const python = await pythonWith(hasPip, "pip", ["python3-pip"]);
    // Its program needs no Python: any that is there may unpack the wheel for one that has a wheel.
    const wheel = [
      "--only-binary",
      ":all:",
      "--python-version",
      "3.11",
      "--no-deps",
      "--no-compile",
      "--upgrade",
    ];
    const args = [
      "-m",
      "pip",
      "install",
      "--quiet",
      ...wheel,
      "--target",
      rotelRoot(),
      `rotel==${ROTEL_VERSION}`,
    ];
    await run(`Unpack rotel ${ROTEL_VERSION}`, python, args);
    if (!rotelFile()) throw new Tell("the wheel of rotel holds no rotel-agent");
  });
}
