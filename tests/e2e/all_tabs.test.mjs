/** The debugger producer in all tabs: a tab that does not answer, and an end that comes while tabs are attached to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const rig = await sharedRig({
  recording: false,
  args: ["--silent-debugger-extension-api"],
  preconfiguration: { debugger_all_tabs: true },
  pages: {
    "/page": scripted(""),
    "/data": (_, response) => response.writeHead(200).end("data"),
  },
});

/** Returns the producers of a request's events, one name per event. @param {import("playwright-core").Page} page @param {string} what */
async function tellers(page, what) {
  await page.evaluate((url) => fetch(url).then((response) => response.text()), `/data?${what}`);
  await rig.event("network.response", what);
  return (await rig.collector.events(`type:network.re* url:*/data?${what}`)).map(({ source }) => source.kind);
}

test("a tab that does not answer holds up no other one, nor the end", { timeout: 60_000 }, async () => {
  const silent = await rig.open("/page", rig.site.otherOrigin);
  const page = await rig.open("/page");
  /** @type {import("playwright-core").Dialog[]} */
  const shown = [];
  const answered = () => Promise.all(shown.splice(0).map((dialog) => dialog.accept()));
  silent.on("dialog", (dialog) => shown.push(dialog));
  const alert = async () => {
    await silent.evaluate(() => void setTimeout(() => globalThis.alert("answer me")));
    await rig.poll("the alert", async () => shown.length > 0);
  };

  await alert();
  const started = rig.command({ command: "start" });
  await rig.poll("recording", async () => (await rig.command({ command: "status" })).recorder !== null);
  await rig.poll("the other tab to be recorded", async () => {
    await page.evaluate(() => console.log("alongside a silent one"));
    return (await rig.collector.events("type:console.log")).length > 0;
  });
  await started;
  assert.deepEqual(await tellers(page, "alongside"), ["cdp", "cdp"]);
  assert.equal((await rig.command({ command: "status" })).debugger.tab_ids.length, 1);

  await answered();
  await rig.event("page.capture_limited", "open_before_recording");
  await silent.reload();
  await rig.poll("the tab to be attached to", async () => {
    return (await rig.command({ command: "status" })).debugger.tab_ids.length === 2;
  });
  await alert();
  await rig.killWorker();
  assert.deepEqual(await tellers(page, "after-a-death"), ["cdp", "cdp"]);
  assert.equal((await rig.command({ command: "status" })).debugger.tab_ids.length, 2);

  await rig.command({ command: "stop" });
  assert.equal((await rig.command({ command: "status" })).recording, false);
  await answered();
  await silent.close();
  await page.close();
});

test("the end of recording leaves no tab attached to, also one that is loading meanwhile", async () => {
  await rig.command({ command: "start" });
  const page = await rig.open("/page");
  const worker = await rig.worker();
  await worker.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    const send = /** @type {any} */ (chrome.debugger.sendCommand);
    scope.enabling = 0;
    /** @type {any} */ (chrome.debugger).sendCommand = async (/** @type {any[]} */ ...args) => {
      if (args[1] === "Network.enable") {
        scope.enabling++;
        await new Promise((done) => setTimeout(done, 300));
      }
      return send.apply(chrome.debugger, args);
    };
  });
  let loading = true;
  const opened = [page];
  const load = (async () => {
    while (loading) opened.push(await rig.open("/page?loading"));
  })();
  const enabling = () => worker.evaluate(() => /** @type {any} */ (globalThis).enabling);
  await rig.poll("a tab that is being attached to", async () => (await enabling()) > 0);
  // Those that load now find a recorder that still hands over what is left.
  rig.collector.child.kill("SIGSTOP");
  try {
    await rig.command({ command: "stop" });
  } finally {
    rig.collector.child.kill("SIGCONT");
    loading = false;
  }
  await load;
  await page.waitForTimeout(1_000);
  assert.deepEqual((await rig.command({ command: "status" })).debugger.tab_ids, []);
  const attached = await worker.evaluate(async () => {
    const tabs = await chrome.tabs.query({});
    const sent = await Promise.allSettled(
      tabs.map(({ id }) => chrome.debugger.sendCommand({ tabId: Number(id) }, "Network.disable")),
    );
    return sent.filter(({ status }) => status === "fulfilled").length;
  });
  assert.equal(attached, 0);
  await Promise.all(opened.map((one) => one.close()));
});
