/** Returns the violations that axe finds on a page. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const SERIOUS = ["serious", "critical"];
export const ANY = ["minor", "moderate", ...SERIOUS];

/**
 * Through the debugger, which the page's policy does not bind.
 * @param {import("playwright-core").Page} at
 * @param {string[]} impacts Which count.
 */
export async function violations(at, impacts = SERIOUS) {
  await at.evaluate(await readFile(axePath, "utf8"));
  const found = await at.evaluate(async (impacts) => {
    const { axe } = /** @type {any} */ (window);
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((/** @type {any} */ v) => impacts.includes(v.impact))
      .map(
        (/** @type {any} */ v) =>
          `${v.id}: ${v.nodes
            .slice(0, 3)
            .map((/** @type {any} */ n) => n.html.slice(0, 160))
            .join(" | ")}`,
      );
  }, impacts);
  return /** @type {string[]} */ (found);
}
