/** Every scenario, and how one is run: on the shared rig, or on one of its own when it changes what others use. */
import { answers } from "./answers.mjs";
import { browsers } from "./browsers.mjs";
import { collectors } from "./collectors.mjs";
import { lastWords } from "./last_words.mjs";
import { checkSeqs, verdict } from "./ledger.mjs";
import { limits } from "./limits.mjs";
import { reported } from "./reported.mjs";
import { requests } from "./requests.mjs";
import { Rig } from "./rig.mjs";
import { workers } from "./workers.mjs";

/**
 * @typedef {object} Scenario
 * @property {string} name Also the name its pages emit under.
 * @property {string} what
 * @property {{ small: number, full: number }} times How often, or for how many seconds.
 * @property {boolean} [own] It needs a browser and a collector of its own.
 * @property {boolean} [emitterKilled] Pages are killed: what they had in hand may be lost with them.
 * @property {() => string | null} [leaveOut] Why it cannot be run here.
 * @property {(rig: Rig) => unknown} [prepare] Before its own rig is started.
 * @property {(rig: Rig) => unknown} [cleanUp] When everything of its own rig has ended, before its folder is removed.
 * @property {(rig: Rig, times: number) => Promise<void | string>} run Emits; what it returns is remarked.
 */

/** A scenario that takes longer than this, and than its own seconds, is stuck. */
const STUCK_MS = { small: 300_000, full: 1_500_000 };
/** Events that a relay may hold, and lose with its page: the bound of its queue for one category, window included. */
const MOST_UNACKED = 20_000;

export const SCENARIOS = [
  ...workers,
  ...browsers,
  ...lastWords,
  ...requests,
  ...reported,
  ...collectors,
  ...answers,
  ...limits,
];

/** The rigs of one run of the suite. */
export class Rigs {
  /** @type {Rig | null} */
  #shared = null;

  /**
   * @param {Scenario} scenario @param {number} times @param {"small" | "full"} size
   * @returns {Promise<{ row: import("./ledger.mjs").Row, wrong: string | null }>}
   */
  async run(scenario, times, size) {
    const rig = scenario.own ? await Rig.start(scenario.prepare) : await this.#common();
    try {
      const gapsBefore = await rig.gapsBefore();
      const remark = await within(STUCK_MS[size], scenario.run(rig, times));
      rig.proxy.getWell();
      const row = await rig.ledger(scenario.name, gapsBefore, {
        emitterKilled: scenario.emitterKilled ?? false,
      });
      await rig.closeTabs();
      row.note = remark ?? "";
      const wrong = verdict(row, MOST_UNACKED);
      if (wrong === null) await checkSeqs(rig.collector);
      return {
        row,
        wrong:
          wrong === null
            ? null
            : `${wrong}; ${await state(rig)}; missing: ${row.missing}; ${await gaps(rig)}`,
      };
    } catch (error) {
      if (error instanceof Error) error.message += `; ${await state(rig)}`;
      // Whatever it left behind would count against the next one.
      if (!scenario.own) await this.close();
      throw error;
    } finally {
      if (scenario.own) await rig.close(scenario.cleanUp);
    }
  }

  async #common() {
    this.#shared ??= await Rig.start();
    return this.#shared;
  }

  async close() {
    const rig = this.#shared;
    this.#shared = null;
    await rig?.close();
  }
}

/** The recorder's state, to find out why a fault failed. @param {Rig} rig */
async function state(rig) {
  const { failure, recorder } = await rig
    .command({ command: "status" })
    .catch((error) => ({ failure: error }));
  return `the recorder says ${JSON.stringify({ failure, ...recorder, categories: undefined })}`;
}

/** @param {Rig} rig */
async function gaps(rig) {
  const records = await rig.collector.records("type:none.such");
  const found = records.flatMap((record) => ("gap" in record ? [record] : []));
  return `gaps: ${found.map(({ capture_session_id: id, gap }) => `${id} ${gap.first_seq}-${gap.last_seq} ${gap.category} ${gap.reason}`).join(", ")}`;
}

/** @template T @param {number} milliseconds @param {Promise<T>} work @returns {Promise<T>} */
function within(milliseconds, work) {
  const stuck = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`stuck for ${milliseconds / 1_000} s`)), milliseconds).unref();
  });
  work.catch(() => {});
  return Promise.race([work, /** @type {Promise<never>} */ (stuck)]);
}
