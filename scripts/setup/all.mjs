/**
 * Everything a bare machine lacks, in order of need. Each step looks first, and costs next to nothing when
 * what it sets up is there; what is made once is kept in the cache outside the tree.
 */
import { useTargetDir } from "../lib/target.mjs";
import { setUpBrowser, setUpChromedriver } from "./browser.mjs";
import { setUpNpm } from "./npm.mjs";
import { setUpRotel } from "./rotel.mjs";
import { checkPrograms, setUpWasmTarget } from "./rust.mjs";
import { setUpTools } from "./tools.mjs";

/**
 * @param {{ browser?: boolean, tests?: boolean }} wanted A browser to record with; what only tests need.
 */
export async function setUp({ browser = true, tests = false } = {}) {
  await checkPrograms();
  useTargetDir();
  await setUpNpm();
  await setUpWasmTarget({ lints: tests });
  await setUpTools({ tests });
  if (browser) await setUpBrowser();
  if (tests) await setUpChromedriver();
  if (tests) await setUpRotel();
}
