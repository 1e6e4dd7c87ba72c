/** Scripts of the pages that are measured. */
import { build } from "esbuild";

/** Returns the one script that a build makes. @param {import("esbuild").BuildOptions} options */
export async function bundled(options) {
  const built = await build({ bundle: true, logLevel: "error", ...options, write: false });
  return built.outputFiles[0]?.text ?? "";
}
