/** What axe finds serious on a page. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Through the debugger, which the page's policy does not bind. @param {import("playwright-core").Page} at */
export async function violations(at) {
  await at.evaluate(await readFile(axePath, "utf8"));
  const found = await at.evaluate(async () => {
    const { axe } = /** @type {any} */ (window);
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
      .filter((/** @type {any} */ v) => v.impact === "serious" || v.impact === "critical")
      .map(
        (/** @type {any} */ v) =>
          `${v.id}: ${v.nodes
            .slice(0, 3)
            .map((/** @type {any} */ n) => n.html.slice(0, 160))
            .join(" | ")}`,
      );
  });
  return /** @type {string[]} */ (found);
}
