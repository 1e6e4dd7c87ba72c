/** A virtual display, its keyboard and its mouse, for tests that need a window. Where they cannot be installed, such tests are left out. */
import { canApt, which } from "../lib/platform.mjs";
import { aptInstall } from "./apt.mjs";

export const hasVirtualDisplay = () => which("Xvfb") !== null && which("xdotool") !== null;

export async function setUpDisplay() {
  if (!hasVirtualDisplay() && canApt()) await aptInstall("Install a virtual display", ["xvfb", "xdotool"]);
}
