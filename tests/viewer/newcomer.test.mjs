/**
 * A newcomer's way: from the link that `npm start` prints to the stack of the demo page's error, by clicks alone, and
 * to the problems of a page that fails.
 *
 * Each step leaves a picture in `dist/test/`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { collectorFile } from "../../scripts/lib/collector.mjs";
import { serveDemo } from "../../scripts/lib/demo.mjs";
import { dist } from "../../scripts/lib/paths.mjs";
import { closeAtEnd } from "../e2e/fixtures/close.mjs";
import { scripted } from "../e2e/fixtures/pages.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";
import { violations } from "./axe.mjs";
import { until } from "./browser.mjs";

const MOST_CLICKS = 3;

/** A page whose button makes a request that fails, and then throws. */
const CHECKOUT = scripted(`
  addEventListener("DOMContentLoaded", () => {
    document.body.innerHTML = "<button id=pay>Pay now</button>";
    document.querySelector("#pay").onclick = async () => {
      const response = await fetch("/api/cart", { method: "POST" });
      const { total } = JSON.parse(await response.text()).cart;
      console.log(total);
    };
  });
`);

const pages = {
  "/checkout": CHECKOUT,
  "/api/cart": /** @type {import("../e2e/fixtures/pages.mjs").Handler} */ (
    (_, response) => response.writeHead(500).end('{"error":"cart service timeout"}')
  ),
};
const demo = await serveDemo();
closeAtEnd(demo.close);
const rig = await sharedRig({ pages });
const shop = await rig.open("/", demo.origin);
// The demo page does one thing a second; its sixth is the mistake.
await rig.event("console.exception", "Cannot read properties of undefined");

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

/** @type {import("playwright-core").Page} */
let viewer;
/** @type {import("playwright-core").Page} */
let checkout;
/** How often the viewer has asked for its sessions since it last asked for the problems. */
let looksSince = 0;
const panel = () => viewer.getByRole("region", { name: "Problems" });
const problem = () => panel().locator(".problem", { hasText: "Cannot destructure property 'total'" });
const chip = () => viewer.getByRole("button", { name: /^Problems/ });

test("a failure is the first thing in the viewer, with the click and the failed request before it", async () => {
  checkout = await rig.open("/checkout");
  await checkout.locator("#pay").click();
  await rig.event("console.rejection", "Cannot destructure property");
  await rig.flushed();
  viewer = await rig.context.newPage();
  viewer.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname === "/v1/sessions") looksSince++;
    if (pathname === "/v1/diagnose") looksSince = 0;
  });
  await viewer.setViewportSize({ width: 1280, height: 760 });
  await viewer.goto(await rig.collector.link("?q=site:127.0.0.1"));
  await problem().waitFor();
  const steps = problem().locator(".chain-step");
  await until(
    () => steps.allInnerTexts(),
    (texts) =>
      texts.length === 3 &&
      /click\s+button#pay "Pay now"/.test(texts[0] ?? "") &&
      /response\s+POST \S+\/api\/cart 500 .*cart service timeout/.test(texts[1] ?? "") &&
      /rejection\s+.*Cannot destructure/.test(texts[2] ?? ""),
    "steps",
  );
  await viewer.screenshot({ path: dist("test", "problems-open.png") });
  await steps.nth(1).click();
  await viewer.locator(".row.selected", { hasText: "/api/cart" }).waitFor();
  await viewer.locator(".pane", { hasText: "cart service timeout" }).waitFor();
  assert.equal(await steps.nth(1).getAttribute("aria-current"), "true");
});

test("a new error raises the count, and without one nothing is asked again", async () => {
  await checkout.locator("#pay").click();
  await problem().getByText("×2", { exact: false }).waitFor();
  await shop.close();
  await until(
    async () => looksSince,
    (looks) => looks > 3,
    "looks at the sessions without a look at the problems",
    // The page's last errors may arrive late. After each query for problems the viewer pauses before the next.
    40_000,
  );
});

test("the keys open the next problem and its error", async () => {
  await viewer.keyboard.press("Escape");
  await chip().click();
  await panel().waitFor({ state: "detached" });
  await viewer.reload();
  await viewer.locator(".row").first().waitFor();
  await until(
    () => chip().isEnabled(),
    (isEnabled) => isEnabled,
    "the chip of problems",
  );
  assert.equal(await panel().count(), 0, "the choice is kept");
  await viewer.keyboard.press("p");
  await panel().waitFor();
  await viewer.locator(".chain-step[aria-current]").waitFor();
  await viewer.locator(".row.selected.s-error").waitFor();
});

test("screenshots lie along the timeline, and the arrow keys step through them with the list", async () => {
  await checkout.bringToFront();
  for (let taken = 0; taken < 2; taken++)
    await rig.poll("a screenshot", () => rig.command({ command: "screenshot" }));
  await rig.until("type:page.screenshot", (events) => events.length === 2);
  await viewer.bringToFront();
  const strip = viewer.getByRole("toolbar", { name: /^2 screenshots/ });
  await strip.locator("img").first().waitFor();
  await strip.getByRole("button").first().click();
  await viewer.locator(".pane img.screenshot").waitFor();
  const current = () => viewer.locator(".row.selected", { hasText: "hot key" }).getAttribute("id");
  const step = async (/** @type {string} */ key) => {
    const from = await current();
    await viewer.keyboard.press(key);
    await until(current, (now) => now !== null && now !== from, "the selected row");
  };
  await step("ArrowRight");
  await step("ArrowLeft");
  await strip.locator("button[aria-current] img").waitFor();
  await viewer.screenshot({ path: dist("test", "screenshots.png") });
});

test("a screenshot of a click marks its place, also where it refers to the same picture before", async () => {
  await rig.command({ command: "screenshots", on_error: false, on_action: true });
  await checkout.bringToFront();
  await rig.poll("the same picture twice", async () => {
    const before = (await rig.collector.events("type:input.click")).length;
    await checkout.mouse.click(320, 360);
    await rig.until("type:input.click", (events) => events.length > before);
    const shots = await rig.collector.events("type:page.screenshot");
    return /** @type {any} */ (shots.at(-1))?.data.same_as !== undefined;
  });
  await rig.command({ command: "screenshots", on_error: false, on_action: false });
  await viewer.bringToFront();
  const strip = viewer.getByRole("toolbar", { name: /screenshots/ });
  await until(
    async () => {
      await strip.getByRole("button").last().focus();
      await viewer.keyboard.press("End");
      return viewer.locator(".row.selected", { hasText: "same picture as before" }).count();
    },
    (count) => count === 1,
    "the last picture",
  );
  await viewer.locator(".pane img.screenshot").waitFor();
  const part = (/** @type {string} */ of) =>
    viewer.locator(`.pane ${of}`).evaluate((element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2, left, top, width, height };
    });
  const [image, mark] = [await part("img.screenshot"), await part(".screenshot-click")];
  const size = await checkout.evaluate(() => ({ width: innerWidth, height: innerHeight }));
  assert.ok(Math.abs((mark.x - image.left) / image.width - 320 / size.width) < 0.02, JSON.stringify(mark));
  assert.ok(Math.abs((mark.y - image.top) / image.height - 360 / size.height) < 0.02, JSON.stringify(mark));
  await viewer.screenshot({ path: dist("test", "screenshot-click.png") });
});

for (const theme of ["light", "dark"]) {
  test(`axe finds no violation in the problems and the screenshots, ${theme}`, async () => {
    await viewer.emulateMedia({ colorScheme: /** @type {"light" | "dark"} */ (theme) });
    await panel().waitFor();
    assert.deepEqual(await violations(viewer), []);
    await viewer.screenshot({ path: dist("test", `problems-${theme}.png`) });
  });
}
