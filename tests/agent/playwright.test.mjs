/** A recorded failure as a Playwright test: run in a browser without the extension, it fails in the same way again. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { requiredBrowser } from "../../scripts/lib/browser.mjs";
import { root } from "../../scripts/lib/paths.mjs";
import { sharedRig } from "../e2e/fixtures/rig.mjs";

/** @param {string} title @param {string} body @param {string} script */
const page = (title, body, script) =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title>${body}<script>${script}</script>`;

const CART = page(
  "Cart",
  `<h1>Cart</h1><button class="buy">Pay later</button><button class="buy">Pay now</button>`,
  `const [, pay] = document.querySelectorAll(".buy");
   pay.onclick = async () => {
     const answer = await fetch("/api/cart?at=" + Date.now(), { method: "POST" });
     const { total } = await answer.json();
     document.title = total.amount;
   };`,
);
const SIGNUP = page(
  "Sign up",
  `<form><label>E-mail <input name="email" type="email"></label>
   <label for="plan">Plan</label><select id="plan" name="plan"><option>free<option>paid</select>
   <input id="agree" type="checkbox" aria-label="I agree"><button data-testid="go">Go</button></form>`,
  `document.querySelector("form").onsubmit = async (event) => {
     event.preventDefault();
     const { email, plan, agree } = event.target.elements;
     const ready = email.value.includes("@") && plan.value === "paid" && agree.checked;
     await fetch(ready ? "/api/accounts" : "/api/nothing", { method: "PUT" });
   };`,
);
const SHELF = page("Shelf", `<a href="/book/4711">The red book</a>`, `sessionStorage.from = "shelf"`);
const BOOK = page(
  "Book",
  "<p>A book</p>",
  `if (sessionStorage.from === "shelf") Promise.reject(new RangeError("no page 9 in book 4711"));`,
);

const rig = await sharedRig({
  pages: {
    "/cart": CART,
    "/signup": SIGNUP,
    "/shelf": SHELF,
    "/book/4711": BOOK,
    // The same site under its other name is mended.
    "/api/cart": ({ headers }, response) => {
      const isMended = headers.host?.startsWith("localhost");
      response
        .writeHead(isMended ? 200 : 500, { "content-type": "application/json" })
        .end(isMended ? '{"total":{"amount":1}}' : '{"error":"cart service timeout"}');
    },
    "/api/accounts": (_, response) => response.writeHead(422).end("{}"),
    "/api/nothing": (_, response) => response.end("{}"),
  },
});

/** Waits for the failure in a tab, and returns the script of it. @param {string} q @param {string} text */
async function scriptOf(q, text) {
  const isFailure = (/** @type {import("../../src/web/types.ts").Event} */ { data }) =>
    JSON.stringify(data).includes(text);
  const events = await rig.until(q, (found) => found.some(isFailure));
  const tab = events.find(isFailure)?.source.metadata?.tab_id;
  const query = new URLSearchParams({ format: "playwright", q: `tab:${tab}` });
  return (await rig.collector.fetch(`/v1/export?${query}`)).text();
}

/** Runs scripts as a person would. @param {string} name @param {Record<string, string>} scripts @param {Record<string, string>} [env] */
async function run(name, scripts, env = {}) {
  const folder = join(rig.folder, name);
  mkdirSync(folder);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const [file, script] of Object.entries(scripts))
    writeFileSync(join(folder, `${file}.spec.js`), script);
  const browser = await requiredBrowser();
  const config = {
    testDir: folder,
    timeout: 100_000,
    reporter: [["json"]],
    use: {
      headless: true,
      launchOptions: {
        executablePath: browser.file,
        args: ["--headless=new", "--disable-gpu", "--disable-background-networking"],
        chromiumSandbox: process.getuid?.() !== 0,
      },
    },
  };
  writeFileSync(join(folder, "playwright.config.mjs"), `export default ${JSON.stringify(config)};`);
  const cli = join(root, "node_modules/@playwright/test/cli.js");
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env;
  /** @type {string} */
  const printed = await new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, "test", "--config", join(folder, "playwright.config.mjs")],
      { cwd: folder, env: { ...inherited, ...env }, maxBuffer: 1 << 26 },
      (_error, stdout, stderr) => resolve(stdout || stderr),
    );
  });
  const report = JSON.parse(printed);
  return Object.fromEntries(
    report.suites.map((/** @type {any} */ suite) => {
      const [result] = suite.specs[0].tests[0].results;
      return [
        suite.title.replace(".spec.js", ""),
        { status: result.status, error: result.error?.message ?? "" },
      ];
    }),
  );
}

test("the recorded failures of three pages are reproduced, and a mended page is not", async () => {
  const cart = await rig.open("/cart");
  await cart.getByRole("button", { name: "Pay now" }).click();
  const signup = await rig.open("/signup");
  await signup.getByLabel("E-mail").click();
  await signup.keyboard.type("me@secret.example");
  await signup.getByLabel("Plan").focus();
  await signup.keyboard.press("ArrowDown");
  await signup.getByLabel("I agree").click();
  await signup.getByTestId("go").click();
  const shelf = await rig.open("/shelf");
  await shelf.getByRole("link").click();

  const scripts = {
    cart: await scriptOf("type:console.rejection", "amount"),
    signup: await scriptOf("type:network.response status:422", "422"),
    book: await scriptOf("type:console.rejection", "no page 9"),
  };
  const all = Object.values(scripts).join("\n");
  assert.doesNotMatch(all, /secret\.example/);
  assert.match(scripts.cart, /getByRole\("button", \{ name: "Pay now", exact: true \}\)/);
  assert.match(scripts.cart, /answered\(page, "POST", at\("\/api\/cart"\)\)/);
  assert.match(scripts.signup, /getByLabel\("E-mail"/);
  assert.match(scripts.signup, /fill\(value\("TYPED_E_MAIL"\)\)/);
  assert.match(scripts.signup, /selectOption\(value\("TYPED_PLAN"\)\)/);
  assert.match(
    scripts.signup,
    /seen\.requests\.includes\("PUT " \+ address\(at\("\/api\/accounts"\)\) \+ " 422"\)/,
  );
  assert.match(scripts.book, /getByRole\("link", \{ name: "The red book", exact: true \}\)/);

  const typed = { TYPED_E_MAIL: "you@other.example", TYPED_PLAN: "paid" };
  const [again, mended, untyped] = await Promise.all([
    run("again", scripts, typed),
    run("mended", { cart: scripts.cart }, { BASE_URL: rig.site.otherOrigin }),
    run("untyped", { signup: scripts.signup }),
  ]);
  for (const name of Object.keys(scripts)) {
    assert.equal(again[name].status, "passed", `${name}: ${again[name].error}\n${all}`);
  }
  assert.equal(mended.cart.status, "failed");
  assert.match(mended.cart.error, /Expected: .*true/);
  assert.match(untyped.signup.error, /set TYPED_E_MAIL in the environment/);
});
