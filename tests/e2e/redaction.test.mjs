/**
 * The rules of redaction that a person sets: in `tabtape.json` and on the options page. A change holds from the next event
 * on, in the store and in the worker that comes after.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY, violations } from "../viewer/axe.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

/** Lines of the options page's console. @type {string[]} */
const errors = [];
const rig = await sharedRig({
  pages: { "/page": "<!doctype html><title>redaction</title>" },
  preconfiguration: { redaction: { disable: ["otp"], names: [{ id: "acme", names: ["acme_sid"] }] } },
});
let page = await rig.open("/page");
const options = await rig.context.newPage();
options.on("pageerror", (error) => errors.push(String(error)));
await options.goto(`${rig.extensionOrigin}/options.html`);
await options.getByRole("switch", { name: "Rule password", exact: true }).waitFor();

let lines = 0;

/** Logs a line in the page and returns it as it is stored. @param {string} line */
async function stored(line) {
  const marker = `marker-${++lines}:`;
  await page.evaluate((text) => console.log(text), `${marker} ${line}`);
  const { data } = await rig.event("console.log", marker);
  return String(data.text);
}

const toggle = (/** @type {string} */ id) => options.getByRole("switch", { name: `Rule ${id}`, exact: true });

/** Switches a rule, and waits until the worker has stored that. @param {string} id @param {boolean} on */
async function setEnabled(id, on) {
  await toggle(id).click();
  await options.locator(`[role=switch][aria-label="Rule ${id}"][aria-checked="${on}"]`).waitFor();
}

const PLACEHOLDER = /\[redacted:[0-9a-f]{8}\]/;

test("rules of tabtape.json are applied and shown", async () => {
  const line = await stored("acmeSid: Zq7hunter42 pin: 4711");
  assert.match(line, PLACEHOLDER);
  assert.ok(!line.includes("Zq7hunter42") && line.includes("4711"), line);
  assert.equal(await toggle("acme").getAttribute("aria-checked"), "true");
  assert.equal(await toggle("otp").getAttribute("aria-checked"), "false");
});

test("a rule that is added on the options page redacts the next line, also in the next worker", async () => {
  assert.ok((await stored("plantNo: Zq7hunter43")).includes("Zq7hunter43"));
  await options.getByRole("textbox", { name: "Values of these names" }).fill("plant-no, x-plant");
  await options.getByRole("textbox", { name: "Id of the rule" }).fill("plant");
  await options.getByRole("button", { name: "Add rule" }).click();
  await toggle("plant").waitFor();
  const line = await stored("plantNo: Zq7hunter43 after");
  assert.match(line, PLACEHOLDER);
  assert.ok(!line.includes("Zq7hunter43") && line.includes("after"), line);
  await rig.killWorker();
  const inNext = await stored("plantNo: Zq7hunter43 after");
  assert.equal(inNext.match(PLACEHOLDER)?.[0], line.match(PLACEHOLDER)?.[0]);
  assert.ok(!inNext.includes("Zq7hunter43"), inNext);
});

test("a text that begins with an added prefix is redacted wherever it is", async () => {
  await options.getByRole("combobox", { name: "Kind of rule" }).selectOption("prefix");
  await options.getByRole("textbox", { name: "Texts that begin with" }).fill("plant_");
  await options.getByRole("spinbutton").fill("8");
  await options.getByRole("textbox", { name: "Id of the rule" }).fill("plant_key");
  await options.getByRole("button", { name: "Add rule" }).click();
  await toggle("plant_key").waitFor();
  const line = await stored("see plant_0123456789 and plant_short here");
  assert.ok(!line.includes("0123456789") && line.includes("plant_short"), line);
});

test("a silenced rule lets its values through until it is turned on again", async () => {
  assert.ok(!(await stored("password: Zq7hunter44")).includes("Zq7hunter44"));
  await setEnabled("password", false);
  assert.ok((await stored("password: Zq7hunter44")).includes("Zq7hunter44"));
  await setEnabled("password", true);
  assert.ok(!(await stored("password: Zq7hunter44")).includes("Zq7hunter44"));
  assert.ok((await stored("mail ann@example.com")).includes("ann@example.com"));
  await setEnabled("email", true);
  assert.ok(!(await stored("mail ann@example.com")).includes("ann@example.com"));
});

test("a trial shows the redacted text and names the rule of each secret", async () => {
  const text = options.getByRole("textbox", { name: "Text or JSON to try" });
  await text.fill("plantNo: Zq7hunter45, user ann");
  const output = options.locator("output");
  await options.getByRole("row", { name: /plant Zq7hunter45/ }).waitFor();
  assert.match(await output.innerText(), /^plantNo: \[redacted:[0-9a-f]{8}\], user ann$/);
  await text.fill('{ "deep": { "password": "Zq7hunter46", "n": 1 } }');
  await options.getByRole("row", { name: /password Zq7hunter46/ }).waitFor();
  assert.match(await output.innerText(), /^\{"deep":\{"password":"\[redacted:[0-9a-f]{8}\]","n":1\}\}$/);
  await setEnabled("password", false);
  await options.getByText("No rule replaces anything in it.").waitFor();
  await setEnabled("password", true);
  const everything = JSON.stringify(await rig.collector.records(""));
  assert.ok(!everything.includes("Zq7hunter46"));
});

test("the options page fits its window, and axe finds nothing on it", async () => {
  await options.getByRole("row", { name: /password Zq7hunter46/ }).waitFor();
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    await options.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(options, ANY), [], colorScheme);
  }
  const excess = await options.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth - clientWidth;
  });
  assert.equal(excess, 0);
});

test("a rule that is wrong is refused with the field that is wrong, and changes nothing", async () => {
  const before = (await rig.command({ command: "status" })).redaction;
  await options.getByRole("textbox", { name: "Texts that begin with" }).fill("123");
  await options.getByRole("textbox", { name: "Id of the rule" }).fill("digits");
  await options.getByRole("button", { name: "Add rule" }).click();
  await options.getByRole("alert").getByText("shapes[1].prefix").waitFor();
  await options.getByRole("textbox", { name: "Texts that begin with" }).fill("digits_");
  await options.getByRole("textbox", { name: "Id of the rule" }).fill("password");
  await options.getByRole("button", { name: "Add rule" }).click();
  await options.getByRole("alert").getByText("already is a rule with the id password").waitFor();
  assert.deepEqual((await rig.command({ command: "status" })).redaction, before);
});

test("a rule is removed, and its values are stored again", async () => {
  await setEnabled("plant", false);
  await options.getByRole("button", { name: "Remove rule plant", exact: true }).click();
  await toggle("plant").waitFor({ state: "detached" });
  assert.ok((await stored("plantNo: Zq7hunter47")).includes("Zq7hunter47"));
  assert.ok(!(await stored("plant_0123456789")).includes("0123456789"));
  const changes = await rig.until("type:system.settings_changed", (events) => events.length >= 2);
  assert.ok(changes.every(({ data }) => Object.keys(/** @type {any} */ (data).patch).join() === "redaction"));
  assert.deepEqual(errors, []);
});

test("stored rules that the core refuses are reported, and the built-in ones can take their place", async () => {
  const worker = await rig.worker();
  await worker.evaluate(async () => {
    const { tabtape } = /** @type {{ tabtape: object }} */ (await chrome.storage.local.get("tabtape"));
    await chrome.storage.local.set({ tabtape: { ...tabtape, redaction: { disable: ["removed"] } } });
  });
  await rig.killWorker();
  assert.match((await rig.command({ command: "status" })).failure, /no rule has the id "removed"/);
  await options.reload();
  await options.getByRole("alert").getByText('no rule has the id "removed"').waitFor();
  await options.getByRole("button", { name: "Use the built-in rules" }).click();
  await toggle("password").waitFor();
  await options.getByRole("alert").waitFor({ state: "detached" });
  await rig.command({ command: "start" });
  page = await rig.open("/page");
  const line = await stored("password: Zq7hunter48 mail ann@example.com");
  assert.ok(!line.includes("Zq7hunter48") && line.includes("ann@example.com"), line);
});
