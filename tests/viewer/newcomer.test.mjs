/**
 * A newcomer's way: from the link that `npm start` prints to the stack of the demo page's error, by clicks alone.
 *
 * Each step leaves a picture in `dist/test/`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { collectorFile } from "../../scripts/lib/collector.mjs";
import { serveDemo } from "../../scripts/lib/demo.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { closeAll } from "../e2e/fixtures/close.mjs";
import { startRig } from "../e2e/fixtures/rig.mjs";

const MOST_CLICKS = 3;

/** @type {import("../e2e/fixtures/rig.mjs").Rig} */
let rig;
/** @type {Awaited<ReturnType<typeof serveDemo>>} */
let demo;
before(async () => {
  [rig, demo] = await Promise.all([startRig(), serveDemo()]);
  await rig.open("/", demo.url.replace(/\/$/, ""));
  // The demo page does one thing a second; its sixth is the mistake.
  await rig.event("console.exception", "Cannot read properties of undefined");
});
after(() =>
  closeAll(
    () => rig?.close(),
    () => demo?.close(),
  ),
);

test("the stack of the demo page's error is three clicks from the link", async () => {
  const { stdout } = await promisify(execFile)(collectorFile, ["viewer", "--json"], {
    env: { ...process.env, TABTAPE_DATA_DIR: rig.collector.dataDir },
  });
  const page = await rig.context.newPage();
  await page.setViewportSize({ width: 1280, height: 760 });
  mkdirSync(dist("test"), { recursive: true });
  let clicks = 0;
  const click = async (/** @type {() => Promise<unknown>} */ how) => {
    await how();
    clicks++;
    await page.screenshot({ path: dist("test", `newcomer-${clicks}.png`) });
  };
  await click(() => page.goto(JSON.parse(stdout).url));
  await click(() => page.getByRole("button", { name: /^Errors/ }).click());
  await click(() => page.locator(".row", { hasText: "Cannot read properties of undefined" }).first().click());
  const stack = page.locator(".pane .part", { hasText: "Stack" });
  await stack.getByText("take").first().waitFor();
  await stack
    .getByText(/shelf\.js:\d+:\d+/)
    .first()
    .waitFor();
  await page.screenshot({ path: dist("test", `newcomer-${clicks}.png`) });
  assert.ok(clicks <= MOST_CLICKS, `${clicks} clicks`);
});
