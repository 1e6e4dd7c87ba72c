/** Interactions have readable names and never the typed text; vitals and reports of the page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const FORM = `<!doctype html><meta charset="utf-8"><title>form</title>
  <form id="signup" action="/submitted" method="post">
    <label for="email">Your e-mail</label><input id="email" name="email" type="email" autocomplete="email">
    <label>Password <input id="pw" name="password" type="password"></label>
    <input id="card" name="cardnumber" autocomplete="cc-number" aria-label="Card">
    <input id="code" name="code" autocomplete="one-time-code" aria-label="Code">
    <input id="agree" name="agree" type="checkbox" aria-label="I agree">
    <button class="css-1x2y3z btn" data-testid="sign-up"><span>Sign up</span></button>
  </form>
  <div style="height: 5000px"></div>
  <img src="/missing.png" alt="gone">
  <script>document.getElementById("signup").addEventListener("submit", (event) => event.preventDefault())</script>`;

const rig = await sharedRig({
  pages: {
    "/form": FORM,
    "/csp": (_, response) =>
      response
        .writeHead(200, {
          "content-type": "text/html",
          "content-security-policy": "default-src 'self'; script-src 'nonce-n'",
        })
        .end(`<script>blocked()</script><img src="http://localhost:1/other.png">`),
    // No page has been tapped on before it runs its first script.
    "/deprecated": scripted(`
      const request = new XMLHttpRequest(); request.open("GET", "/blank", false); request.send();
      navigator.vibrate(1);`),
    "/vitals": `<!doctype html><h1>Painted</h1><button id="work">work</button><script>
      document.getElementById("work").onclick = () => { const until = performance.now() + 180; while (performance.now() < until); };
      const shift = () => document.body.prepend(Object.assign(document.createElement("div"), { style: "height: 200px" }));
      requestAnimationFrame(() => setTimeout(shift, 150));</script>`,
    "/blank": "<!doctype html>",
  },
});
const page = await rig.open("/form");

test("a click names the control by a stable selector and by what is written on it", async () => {
  await page.click("span");
  const { data, source } = await rig.event("input.click", "sign-up");
  const { x, y, ...named } = data;
  assert.deepEqual(named, { selector: '[data-testid="sign-up"]', label: "Sign up", button: 0 });
  assert.ok(x > 0 && y > 0, `${x} ${y}`);
  assert.equal(source.metadata.frame_id, "0");
});

test("typing is recorded as classes of keys and a field, never as what was typed", async () => {
  await page.click("#email");
  await page.keyboard.type("me@secret.example");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Enter");
  const events = await rig.until("type:input.key", (found) =>
    found.some(({ data }) => /** @type {any} */ (data).key === "enter"),
  );
  const typed = events.map(({ data }) => /** @type {any} */ (data));
  assert.deepEqual(
    typed.map(({ key, count }) => [key, count]),
    [
      ["char", 17],
      ["backspace", 1],
      ["shortcut", 1],
      ["enter", 1],
    ],
  );
  assert.equal(typed[0].selector, "input#email");
  assert.equal(typed[0].label, "Your e-mail");
  const change = await rig.event("input.change", "email");
  assert.equal(change.data.field, "email");
  assert.doesNotMatch(JSON.stringify(events.concat(change)), /secret/);
});

test("a submit names form, method and the button that did it", async () => {
  const { data } = await rig.event("input.submit", "submitted");
  assert.equal(data.selector, "form#signup");
  assert.equal(data.method, "post");
});

test("a checkbox is recorded with its state", async () => {
  await page.check("#agree");
  const { data } = await rig.event("input.change", "agree");
  assert.equal(data.checked, true);
});

test("nothing is recorded of fields for passwords, cards and one-time codes", async () => {
  for (const field of ["#pw", "#card", "#code"]) {
    await page.click(field);
    await page.keyboard.type("31337");
  }
  await page.click("#email");
  await rig.until(
    "type:input.click",
    (events) => events.filter(({ data }) => /** @type {any} */ (data).selector === "input#email").length >= 2,
  );
  const events = await rig.collector.events("category:interaction");
  assert.deepEqual(
    events.filter(({ data }) => /#pw|#card|#code|Password|Card|31337/.test(JSON.stringify(data))),
    [],
  );
});

test("a scroll is recorded once it has settled", async () => {
  await page.mouse.move(500, 300);
  for (let step = 0; step < 5; step++) await page.mouse.wheel(0, 200);
  const { data } = await rig.event("input.scroll");
  assert.ok(data.top > 0 && data.percent > 0);
  const scrolls = await rig.collector.events("type:input.scroll");
  assert.ok(scrolls.length < 5, `${scrolls.length} events for 5 steps`);
});

test("a resource that fails to load is recorded with its element", async () => {
  const { data } = await rig.event("page.resource_failed", "missing.png");
  assert.equal(data.element, "img");
  assert.equal(data.label, "gone");
});

test("a violation of the page's policy is recorded with directive and what was blocked", async () => {
  const other = await rig.open("/csp");
  const inline = await rig.event("page.csp_violation", "inline");
  assert.equal(inline.data.directive, "script-src-elem");
  assert.equal(inline.data.disposition, "enforce");
  const image = await rig.event("page.csp_violation", "other.png");
  assert.equal(image.data.directive, "img-src");
  await other.close();
});

test("deprecations and interventions are recorded with what the browser calls them", async () => {
  const other = await rig.open("/deprecated");
  const deprecation = await rig.event("page.deprecation", "/deprecated");
  assert.equal(deprecation.data.id, "XMLHttpRequestSynchronousInNonWorkerOutsideBeforeUnload");
  assert.match(deprecation.data.message, /deprecated/);
  // The browser names the function of ours that passes the request on: no place rather than a wrong one.
  assert.equal(deprecation.data.source_url, null);
  const intervention = await rig.event("page.intervention", "/deprecated");
  assert.equal(intervention.data.id, "NavigatorVibrate");
  assert.match(intervention.data.message, /^Blocked call to navigator.vibrate/);
  assert.equal(intervention.data.source_url, `${rig.site.origin}/deprecated`);
  assert.ok(intervention.data.line > 0 && intervention.data.column > 0);
  await other.close();
});

test("vitals are recorded as web-vitals defines them", async () => {
  const vitals = await rig.open("/vitals");
  await vitals.waitForSelector("div", { state: "attached" });
  await vitals.waitForTimeout(500);
  await vitals.click("#work");
  await vitals.waitForTimeout(800);
  await vitals.goto(`${rig.site.origin}/blank`);
  const ttfb = await rig.event("page.ttfb", "/vitals");
  const fcp = await rig.event("page.fcp", "/vitals");
  const lcp = await rig.event("page.lcp", "/vitals");
  assert.ok(ttfb.data.value_ms <= fcp.data.value_ms && fcp.data.value_ms <= lcp.data.value_ms);
  const inp = await rig.event("page.inp", "/vitals");
  assert.ok(inp.data.value_ms >= 170, `${inp.data.value_ms}`);
  const shift = await rig.event("page.layout_shift", "/vitals");
  assert.ok(shift.data.value > 0);
  const frame = await rig.event("page.long_frame", "/vitals");
  assert.ok(frame.data.duration_ms >= 100);
  await rig.event("page.visibility", "hidden");
  await vitals.close();
});
