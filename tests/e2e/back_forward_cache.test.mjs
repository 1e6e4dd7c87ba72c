/** A document that was in the back/forward cache while the config changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  backForwardCache: true,
  pages: {
    "/cached": scripted(`
      const shown = (what) => { fetch("/" + what); console.log(what); };
      addEventListener("load", () => setTimeout(() => shown("first")));
      addEventListener("pageshow", ({ persisted }) => persisted && setTimeout(() => shown("returned"), 2_000));`),
    "/elsewhere": scripted(`addEventListener("load", () => setTimeout(() => fetch("/there")))`),
  },
});

const categories = (/** @type {boolean} */ enabled) => ({
  console: { enabled },
  page: { enabled },
  interaction: { enabled },
});

/** Opens a page, leaves it and comes back; Playwright does not see pages that come back. @param {() => Promise<void>} whileAway */
async function leaveAndReturn(whileAway) {
  const told = async (/** @type {string} */ path) =>
    (await rig.collector.events(`url:*/${path} type:network.request`)).length;
  const oneMore = async (/** @type {string} */ path, /** @type {() => Promise<unknown>} */ act) => {
    const before = await told(path);
    await act();
    await rig.poll(`another /${path}`, async () => (await told(path)) > before);
  };
  const page = await rig.context.newPage();
  await oneMore("first", () => page.goto(`${rig.site.origin}/cached`));
  // Acknowledged before it leaves: a message to a cached document ends it.
  await rig.flushed();
  await oneMore("there", () => page.goto(`${rig.site.otherOrigin}/elsewhere`));
  await whileAway();
  await oneMore("returned", () => page.evaluate(() => setTimeout(() => history.back())));
  await rig.flushed();
}

test("what was turned off meanwhile stays off when it returns, and what was turned on is on", async () => {
  await leaveAndReturn(() => rig.command({ command: "configure", patch: { categories: categories(false) } }));
  const texts = async () =>
    (await rig.collector.events("type:console.log")).map(({ data }) => /** @type {any} */ (data).text);
  assert.deepEqual(await texts(), ["first"]);
  await leaveAndReturn(() => rig.command({ command: "configure", patch: { categories: categories(true) } }));
  await rig.event("console.log", "returned");
  assert.deepEqual(await texts(), ["first", "returned"]);
});
