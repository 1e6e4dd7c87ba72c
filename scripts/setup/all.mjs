/**
 * Everything a bare machine lacks. Each step looks first, and costs next to nothing when what it sets up exists; what is
 * made once is kept in the cache outside the tree.
 *
 * Steps that do not need each other run at the same time, and a build need not wait for all of them:
 *
 *     programs ─┬─▶ npm ─▶ browser
 *               └─▶ wasm: toolchain, generator of the glue
 *
 * Only the tests in a browser need `setUpTools`, which compiles for minutes: their section of `npm test` calls it.
 */

import { setTargetDir } from "../lib/target.mjs";
import { together } from "../lib/together.mjs";
import { setUpBrowser, setUpChromedriver } from "./browser.mjs";
import { setUpDisplay } from "./display.mjs";
import { setUpGlue } from "./glue.mjs";
import { setUpNpm } from "./npm.mjs";
import { setUpPython } from "./python.mjs";
import { setUpRotel } from "./rotel.mjs";
import { checkPrograms, setUpWasmTarget } from "./rust.mjs";
import { setUpSpectral } from "./spectral.mjs";
import { setUpValgrind } from "./valgrind.mjs";

/**
 * @typedef {object} SetUp The steps of a setup that runs.
 * @property {Promise<void>} npm What bundles.
 * @property {Promise<void>} wasm What compiles the core for wasm.
 * @property {Promise<void>} all
 */

/**
 * Starts the setup. It fails at once where a program is missing that cannot be set up here.
 * @param {{ browser?: boolean, tests?: boolean }} wanted A browser to record with; what only tests need.
 * @returns {Promise<SetUp>}
 */
export async function startSetUp({ browser = true, tests = false } = {}) {
  await checkPrograms();
  setTargetDir();
  const npm = setUpNpm();
  const wasm = together([setUpWasmTarget({ lints: tests }), setUpGlue()]).then(() => {});
  const rest = npm.then(async () => {
    if (browser) await setUpBrowser();
    if (tests) await setUpChromedriver();
    if (tests) await setUpDisplay();
    if (tests) await setUpRotel();
    if (tests) await setUpPython();
    if (tests) await setUpSpectral();
    if (tests) await setUpValgrind();
  });
  const all = together([npm, wasm, rest]).then(() => {});
  // The caller that awaits one of them receives its failure.
  for (const step of [npm, wasm, all]) step.catch(() => {});
  return { npm, wasm, all };
}

/** Sets everything up, and waits for it. @param {{ browser?: boolean, tests?: boolean }} [wanted] */
export async function setUp(wanted) {
  const { all } = await startSetUp(wanted);
  await all;
}
