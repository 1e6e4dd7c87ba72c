/** A relay whose extension was reloaded hands all its pending messages to its successor, and none to the page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  pages: {
    "/numbered": scripted(`
      let next = 0; const timer = setInterval(() => { if (next === 6_000) return; for (let n = 0; n < 20; n++) console.log("n" + next++); fetch("/asked?" + next).catch(() => {}); }, 10);
      window.finish = () => { clearInterval(timer); return next; };`),
    "/thief": scripted(`
      window.tried = { vaults: 0, successors: 0, read: [] };
      const { attachShadow } = Element.prototype;
      Element.prototype.attachShadow = function (options) { tried.read.push("attachShadow"); return attachShadow.call(this, options); };
      addEventListener("tabtape:claim", (event) => { if (!event.mine) tried.successors++; }, true);
      setInterval(() => {
        const claimant = new EventTarget();
        claimant.addEventListener("tabtape:handover", ({ relatedTarget: holder }) => {
          tried.vaults++;
          const secrets = [holder.shadowRoot, holder.textContent, holder.outerHTML.slice(11, -6), holder.getHTML?.({ serializableShadowRoots: true }),
            holder.cloneNode(true).shadowRoot, holder.getAttributeNames().join()];
          for (const secret of secrets) if (secret) tried.read.push(String(secret));
          document.body?.append(holder);
          if (holder.offsetHeight > 0) tried.read.push("rendered");
          for (const digit of "0123456789abcdef") if (document.body && find(digit)) tried.read.push("found " + digit);
          holder.remove();
          for (const secret of ["", "null", "undefined", holder.id]) {
            holder.addEventListener(secret + ":pending", ({ detail }) => tried.read.push(detail));
            holder.dispatchEvent(new Event(secret));
          }
        });
        const claim = new MouseEvent("tabtape:claim", { relatedTarget: claimant });
        claim.mine = true;
        dispatchEvent(claim);
      }, 5);
      let next = 0; const timer = setInterval(() => console.log("kept " + next++), 10);
      window.finish = () => { clearInterval(timer); return next; };`),
    "/pretender": scripted(`
      window.asked = 0;
      const lines = [
        { ts: 1, type: "system.mark", category: "system", source_event: "forged", data: { text: "pretended" } },
        { ts: 1, type: "console.log", category: "console", source_event: "console.log", data: { text: "pretended" } },
      ].map((line) => JSON.stringify(line));
      addEventListener("tabtape:claim", ({ relatedTarget: claimant }) => {
        asked++;
        const holder = document.createElement("div");
        holder.attachShadow({ mode: "closed" }).textContent = "mine";
        holder.addEventListener("mine", () => {
          const pending = ["not hex", "0123456789abcdef0123456789abcdef"].map((relay) => ({ relay, first: 1, window: lines, lanes: [] }));
          holder.dispatchEvent(new CustomEvent("mine:pending", { detail: JSON.stringify(pending) }));
        });
        claimant.dispatchEvent(new MouseEvent("tabtape:handover", { relatedTarget: holder }));
      }, true);`),
  },
});

/** @param {import("../../src/web/types.ts").Event[]} events @param {RegExp} text */
const numbers = (events, text) =>
  events.flatMap(({ data }) => text.exec(`${/** @type {any} */ (data)?.text}`)?.[1] ?? []).map(Number);

/** @param {number} count */
const upTo = (count) => Array.from({ length: count }, (_, index) => index);

test("nothing is lost or doubled, neither what was in hand nor what is said and done meanwhile", async () => {
  const page = await rig.open("/numbered");
  await page.waitForTimeout(300);
  await rig.reloadExtension();
  await page.mouse.click(40, 40);
  await rig.event("page.capture_limited", "extension_reloaded");
  const emitted = await page.evaluate(() => /** @type {any} */ (window).finish());
  const events = await rig.until("type:console.log url:*/numbered", (found) => found.length >= emitted);
  assert.deepEqual(
    numbers(events, /^n(\d+)$/).sort((a, b) => a - b),
    upTo(emitted),
  );
  assert.equal((await rig.until("type:input.click url:*/numbered", (found) => found.length > 0)).length, 1);
  await page.close();
});

test("a page can take nothing that an orphan holds, and not come between it and its successor", async () => {
  const page = await rig.open("/thief");
  await page.waitForTimeout(300);
  await rig.reloadExtension();
  const limited = "type:page.capture_limited url:*/thief";
  await rig.until(limited, (found) => found.length > 0);
  const emitted = await page.evaluate(() => /** @type {any} */ (window).finish());
  const { vaults, successors, read } = await page.evaluate(() => /** @type {any} */ (window).tried);
  assert.ok(vaults > 0, "it met the orphan");
  assert.equal(successors, 0, "it saw no successor");
  assert.deepEqual(read, []);
  const events = await rig.until("type:console.log url:*/thief", (found) => found.length >= emitted);
  assert.deepEqual(
    numbers(events, /^kept (\d+)$/).sort((a, b) => a - b),
    upTo(emitted),
  );
  await page.close();
});

test("a page that plays the orphan says no more than it could have said itself", async () => {
  await rig.ready(true);
  await rig.command({ command: "stop" });
  const page = await rig.open("/pretender");
  await rig.command({ command: "start" });
  await rig.event("console.log", "pretended");
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).asked), 1);
  await rig.flushed();
  const pretended = (await rig.collector.events("")).filter(({ data }) =>
    JSON.stringify(data ?? null).includes("pretended"),
  );
  assert.deepEqual(
    pretended.map(({ type, url }) => [type, new URL(`${url}`).pathname]),
    [["console.log", "/pretender"]],
  );
  const gaps = (await rig.collector.records("")).flatMap((record) => ("gap" in record ? [record.gap] : []));
  assert.deepEqual(
    gaps.map(({ reason, category, first_seq, last_seq }) => [reason, category, last_seq - first_seq + 1]),
    [["invalid", "console", 1]],
  );
  await page.close();
});
