/** Sensitive fields are found by a table of names, and neither they nor text typed elsewhere is recorded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { sharedRig } from "./fixtures/rig.mjs";

const SECRET =
  `password passwd user_pass confirmPassword password_confirmation new-password pwd newPwd1 passphrase passcode
  pw Passwort motdepasse otp otp1 otp_code sms_otp smsOtp totp totpCode user[otp] otp-input-3 2fa mfa_code pin PIN pin_code pinCode pin1
  card_pin cvv cvv2 cvc card-cvc csc cardnumber card_number cardNo creditCard credit_card_number cc-number ccnum ccExpMonth cc_exp
  card_expiry security_code securityCode verification_code verificationCode verify_code auth_code authentication_code smsCode one_time_code
  oneTimeCode ssn user_ssn api_key apiKey client_secret twoFactorCode contraseña nuevaContraseña contrasen\u0303a CONTRASEÑA códigoPIN ccv ccv2 card_ccv mdp
  mdp_confirm nouveauMdp mdp2 senha motDePasse`.split(/\s+/);

const PLAIN =
  `shipping shipping_address spinach opinion pinterest spin pink compass passenger bypass email name first_name zip_code
  postal_code country_code promo_code discount_code code phone account accountNumber access_level footprint laptop option
  discard discard_notes card_notes postcard cardinal scarf author author_code comments time milestone_time phone_time secretary
  token_count keyboard search q street cc bcc occupation expiry_notice pineapple happiness stopped
  année señal größe succvar accvalue`.split(/\s+/);

test("names of secret fields are distinguished from others that only contain their words", async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../../extension/relay/sensitive.ts", import.meta.url))],
    bundle: true,
    format: "esm",
    write: false,
  });
  const code = Buffer.from(outputFiles[0]?.contents ?? []).toString("base64");
  const { isSecretName } = await import(`data:text/javascript;base64,${code}`);
  assert.deepEqual(
    SECRET.filter((name) => !isSecretName(name)),
    [],
    "secret, and told",
  );
  assert.deepEqual(
    PLAIN.filter((name) => isSecretName(name)),
    [],
    "not secret, and not told",
  );
});

const PAGE = `<!doctype html><meta charset="utf-8"><title>fields</title>
  <input id="otp_code" name="otp_code">
  <select id="month" autocomplete="cc-exp-month"><option>1<option>12</select>
  <input id="shown" type="password"><button id="show">show</button>
  <input id="untouched" type="password"><button id="show-untouched">show</button>
  <div id="wrapper">Your note <div id="editor" contenteditable>typed before</div><textarea id="area">typed in area</textarea></div>
  <label id="caption" for="field">Caption <textarea id="field">default of the field</textarea></label>
  <div id="box" role="button">Send <span contenteditable="plaintext-only">typed secret</span><b role="textbox">drawn secret</b> now</div>
  <button id="last">Last \u{1F600}</button>
  <script>
    show.onclick = () => { shown.type = "text"; };
    // Before a click is one.
    document.getElementById("show-untouched").onmousedown = () => { untouched.type = "text"; };
  </script>`;

const rig = await sharedRig({ pages: { "/fields": PAGE } });
const page = await rig.open("/fields");

/** Returns the events recorded until another click on the last button is. */
async function told() {
  const clicks = (/** @type {import("../../src/web/types.ts").Event[]} */ events) =>
    events.filter(({ data }) => /** @type {any} */ (data).selector === "button#last").length;
  const before = clicks(await rig.collector.events("type:input.click"));
  await page.click("#last");
  await rig.until("type:input.click", (events) => clicks(events) > before);
  await rig.flushed();
  return rig.collector.events("category:interaction");
}

test("nothing is recorded of a code field, a card's month and passwords that were made readable", async () => {
  await page.click("#otp_code");
  await page.keyboard.type("31337");
  await page.selectOption("#month", "12");
  await page.focus("#month");
  await page.keyboard.press("ArrowUp");
  await page.click("#shown");
  await page.keyboard.type("hunter2");
  await page.click("#show");
  await page.click("#shown");
  await page.keyboard.type("hunter3");
  await page.click("#show-untouched");
  assert.equal(await page.getAttribute("#untouched", "type"), "text");
  await page.click("#untouched");
  await page.keyboard.type("hunter4");
  const events = await told();
  assert.ok(events.some(({ data }) => /** @type {any} */ (data).selector === "button#show"));
  const fields = events.filter(({ data }) =>
    /otp_code|#month|#shown|#untouched|"selector":"select|31337|hunter/.test(JSON.stringify(data)),
  );
  assert.deepEqual(fields, []);
});

test("a label holds what is written next to a field, never what was typed into it", async () => {
  await page.click("#editor");
  await page.keyboard.type("typed by me ");
  await page.click("#wrapper", { position: { x: 3, y: 3 } });
  await page.click("#field");
  await page.keyboard.type("typed by me too ");
  await page.click("#box", { position: { x: 3, y: 3 } });
  const events = await told();
  assert.doesNotMatch(JSON.stringify(events), /typed|drawn|default of/);
  const labels = new Map(
    events.map(({ data }) => [/** @type {any} */ (data).selector, /** @type {any} */ (data).label]),
  );
  assert.equal(labels.get("div#wrapper"), "Your note");
  assert.equal(labels.get("textarea#field"), "Caption");
  assert.equal(labels.get("div#box"), "Send now");
  assert.equal(labels.get("button#last"), "Last \u{1F600}");
});
