/** Documents that hand each other objects: where one was there before recording, the others close theirs, and say so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  recording: false,
  pages: {
    "/early": scripted(""),
    "/frame": scripted(`console.log("in a frame", { of: "it" });`),
    "/window": scripted(`console.log("in a window", { of: "it" });`),
    "/alone": scripted(`console.log("alone", { of: "it" });`),
  },
});

/** @param {string} path */
const limits = async (path) =>
  (await rig.collector.events(`type:page.capture_limited url:*${path}`)).map(
    ({ data }) => /** @type {any} */ (data).reason,
  );

test("a frame and a window of a page that was open before recording say that their objects stay closed", async () => {
  const page = await rig.open("/early");
  await rig.command({ command: "start" });
  await rig.event("page.capture_limited", "open_before_recording");
  await page.evaluate(() => {
    document.body.append(Object.assign(document.createElement("iframe"), { src: "/frame" }));
    open("/window");
  });
  for (const [text, path] of [
    ["in a frame", "/frame"],
    ["in a window", "/window"],
  ]) {
    assert.deepEqual((await rig.event("console.log", `${text}`)).data.args[1], { $: "closed" });
    await rig.flushed();
    assert.deepEqual(await limits(`${path}`), ["objects_closed"]);
  }
  assert.deepEqual(await limits("/early"), ["open_before_recording"]);
});

test("a page of the same origin that none of them can reach shows its objects", async () => {
  await rig.open("/alone");
  assert.deepEqual((await rig.event("console.log", "alone")).data.args[1], { of: "it" });
  await rig.flushed();
  assert.deepEqual(await limits("/alone"), []);
});
