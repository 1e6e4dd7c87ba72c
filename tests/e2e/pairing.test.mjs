/** Pairing by a link, a code to compare and a click; and the way from the popup to the viewer. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dist, root } from "../../scripts/lib/paths.mjs";
import { track } from "../../scripts/lib/run.mjs";
import { ANY, violations } from "../viewer/axe.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  preconfiguration: { collector: null },
  pages: { "/page": scripted(`console.log("before any pairing")`) },
});

/** As `tabtape pair` does. */
async function invite() {
  const headers = { "content-type": "application/json" };
  const response = await rig.collector.fetch("/v1/pairings/codes", { method: "POST", headers, body: "{}" });
  return /** @type {{ url: string, short_code: string }} */ (await response.json());
}

/** @param {string} url */
async function openInvitation(url) {
  const page = await rig.context.newPage();
  await page.goto(url).catch(() => {});
  await page.waitForURL(/pair\.html/);
  return page;
}

/** Returns the violations that axe finds in both color schemes. @param {import("playwright-core").Page} page */
async function found(page) {
  const all = [];
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await page.emulateMedia({ colorScheme });
    all.push(...(await violations(page, ANY)).map((one) => `${colorScheme} ${one}`));
  }
  return all;
}

test("an invitation is declined without a word to the collector", async () => {
  const { url } = await invite();
  const page = await openInvitation(url);
  await page.getByRole("button", { name: "Do not pair" }).click();
  await page.getByText("Nothing was sent.").waitFor();
  assert.equal((await rig.command({ command: "status" })).collector_url, null);
  await page.close();
});

test("the page shows the terminal's short code, and a click delivers what was recorded before it", async () => {
  await rig.open("/page").then((page) => page.close());
  const { url, short_code } = await invite();
  const page = await openInvitation(url);
  await page.getByText(short_code, { exact: true }).waitFor();
  assert.doesNotMatch(page.url(), /code/, "the code does not stay in the address bar");
  assert.deepEqual(await found(page), []);
  await page.getByRole("button", { name: "pair", exact: false }).first().click();
  await page.getByText("Paired with").waitFor();
  await page.getByRole("button", { name: "Open viewer" }).waitFor();
  assert.deepEqual(await found(page), []);
  await rig.event("console.log", "before any pairing");
  const all = JSON.stringify(await rig.collector.records(""));
  assert.ok(!all.includes(/code=([^&]+)/.exec(url)?.[1] ?? "?"), "the code is in no event");
  await page.close();
});

test("a code works once", async () => {
  const { url } = await invite();
  const [, code] = /code=(.+)$/.exec(url) ?? [];
  await rig.command({ command: "pair", url: rig.collector.url, code: String(code) });
  await assert.rejects(rig.command({ command: "pair", url: rig.collector.url, code: String(code) }), /./);
});

test("an address that is not on this machine is no invitation", async () => {
  await assert.rejects(
    rig.command({ command: "pair", url: "http://example.com", code: "abcdefghijkl" }),
    /not a collector/,
  );
});

test("the popup's link opens the viewer, already let in", async () => {
  await rig.poll(
    "the collector to be connected",
    async () => (await rig.command({ command: "status" })).recorder.collector.state === "ok",
  );
  const opened = rig.context.waitForEvent("page");
  await rig.command({ command: "open_viewer" });
  const viewer = await opened;
  await viewer.waitForLoadState();
  assert.equal(new URL(viewer.url()).origin, rig.collector.url);
  await viewer.close();
});

test("after pairing while nothing is recorded, the next step is one button", async () => {
  await rig.command({ command: "stop" });
  const page = await openInvitation((await invite()).url);
  await page.getByRole("button", { name: "pair", exact: false }).first().click();
  await page.getByText("Nothing is recorded yet").waitFor();
  await page.getByText("click the puzzle piece").waitFor();
  await page.screenshot({ path: dist("test", "paired.png") });
  await page.getByRole("button", { name: "Record all sites" }).click();
  await page.getByRole("button", { name: "Open viewer" }).waitFor();
  assert.equal((await rig.command({ command: "status" })).recording, true);
  await page.close();
});

test("when the collector is gone, the popup names the command that starts it again", async () => {
  const { host } = new URL(rig.collector.url);
  await rig.collector.stop();
  // It is missed when there is something to deliver.
  await rig.open("/page");
  const popup = await rig.control();
  await popup.getByText(`No answer from ${host}`).waitFor({ timeout: 60_000 });
  const command = await popup.locator(".collector code").innerText();
  const env = { ...process.env, TABTAPE_DATA_DIR: rig.collector.dataDir };
  const shell = spawn(command, { shell: true, cwd: root, env, stdio: "ignore" });
  track(shell);
  const ended = once(shell, "exit");
  await rig.poll("the collector at its address", async () => (await fetch(`http://${host}/healthz`)).ok);
  const { pid } = JSON.parse(readFileSync(join(rig.collector.dataDir, "collector.json"), "utf8"));
  process.kill(pid);
  await ended;
});
