/** Valgrind, which counts the instructions of the hot paths. Where it cannot be installed, they are not counted. */
import { canApt, which } from "../lib/platform.mjs";
import { aptInstall } from "./apt.mjs";

export async function setUpValgrind() {
  if (!which("valgrind") && canApt()) await aptInstall("Install valgrind", ["valgrind"]);
}
