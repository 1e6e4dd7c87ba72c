/** PyPI's rotel, an OpenTelemetry collector that tests and the benchmarks run next to ours. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "./paths.mjs";
import { exe } from "./platform.mjs";

/** The newest there is. */
export const ROTEL_VERSION = "0.0.1a15";

/** Folder into which the wheel is unpacked. */
export const rotelRoot = () => cacheDir("tools", `rotel-${ROTEL_VERSION}`);

/** Its program, or null: as TABTAPE_ROTEL names it, else as the setup has unpacked it. */
export function rotelFile() {
  const file = process.env.TABTAPE_ROTEL || join(rotelRoot(), "rotel", exe("rotel-agent"));
  return existsSync(file) ? file : null;
}
