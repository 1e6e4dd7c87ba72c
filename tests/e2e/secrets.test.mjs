/**
 * Secrets seeded wherever pages have them are nowhere outside their pages: not in the extension's logs, not on the
 * wire, not in the store.
 *
 * A marker that is no secret is next to each of them, and has to be found: a search that finds nothing proves nothing.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FaultProxy } from "../faults/proxy.mjs";
import { closeAtEnd } from "./fixtures/close.mjs";
import { scripted } from "./fixtures/pages.mjs";
import { sharedRig } from "./fixtures/rig.mjs";

const SECRETS = {
  authorization: "s3cr3t-authorization-7Qm2Lk9",
  cookie: "s3cr3t-cookie-value-8Wn3Pv1",
  setCookie: "s3cr3t-set-cookie-5Hs6Tj4",
  apiKey: "s3cr3t-api-key-header-2Bd9Xf7",
  token: "s3cr3t-url-token-3Kc8Zr5",
  fragment: "s3cr3t-fragment-token-6Yg1Mw2",
  code: "s3cr3t-oauth-code-9Lp4Nq8",
  userinfo: "s3cr3tuserinfo1Vt7Rb3",
  password: "s3cr3t-json-password-4Jx5Hd6",
  bearer: "s3cr3tBearerToken0123456789abcdef",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.s3cr3tsignature_abcdefghijklmnop",
  typed: "s3cr3t-typed-in-a-field-0Rf2",
  inObject: "s3cr3t-console-object-1Gb6Qd",
  inArguments: "s3cr3t-console-argument-8Ks3Vw",
  rejected: "s3cr3t-rejected-with-5Pn7Hc",
};

/** @type {FaultProxy} */
let proxy;
/** Bodies that went over the wire, decompressed. @type {Buffer[]} */
const wire = [];
const rig = await sharedRig({
  between: async (collector) => {
    proxy = await new FaultProxy(() => collector).listen();
    closeAtEnd(() => proxy.close());
    proxy.rule = (batch) => {
      wire.push(Buffer.from(batch.path), batch.text());
      return null;
    };
    return proxy.url;
  },
  capture: { categories: { console: { detail_level: "verbose" }, network: { detail_level: "verbose" } } },
  pages: {
    "/page": `<!doctype html><title>secrets</title><input id="name" name="name"><input id="pw" type="password">`,
    "/api": (_, response) =>
      response
        .writeHead(200, {
          "set-cookie": `session=${SECRETS.setCookie}; Path=/`,
          "content-type": "application/json",
        })
        .end("{}"),
    "/login": scripted(""),
  },
});
const page = await rig.open("/page");
await page.evaluate(async (secrets) => {
  await cookieStore.set("session", secrets.cookie);
  await fetch(`/api?marker=marker-url&access_token=${secrets.token}#id_token=${secrets.fragment}`, {
    method: "POST",
    headers: {
      authorization: `Basic ${secrets.authorization}`,
      "x-api-key": secrets.apiKey,
      "x-marker": "marker-header",
    },
    body: JSON.stringify({ marker: "marker-body", password: secrets.password }),
  });
  console.log("marker-console", {
    marker: "marker-argument",
    password: secrets.password,
    nested: { api_key: secrets.apiKey },
  });
  console.error(
    `marker-text Authorization: Bearer ${secrets.bearer} and ${secrets.jwt} and password=${secrets.password}`,
  );
  const inside = secrets.inObject;
  console.log("marker-objects", { pass: inside }, { tokens: [inside] }, { cookies: { a: inside } });
  console.warn(
    Object.entries({ token: inside }),
    { name: "password", value: inside },
    new Map([["auth", inside]]),
  );
  localStorage.setItem("access_token", inside);
  console.info({ ...localStorage }, [{ deep: { secret: inside } }]);
  console.log("token", secrets.inArguments);
  console.log("marker-format password: %s and %o", secrets.inArguments, { auth: secrets.inArguments });
  console.log(secrets.inArguments.length, "x".repeat(20_000), { n: 1 }, "api key", secrets.inArguments);
  console.count(/** @type {any} */ ({ password: inside }));
  Promise.reject({ marker: "marker-rejected", password: secrets.rejected });
  history.pushState(
    {},
    "",
    `/callback?marker=marker-history&code=${secrets.code}&state=x#access_token=${secrets.fragment}`,
  );
  setTimeout(() => {
    throw new Error(`marker-thrown https://user:${secrets.userinfo}@example.test/ ${secrets.jwt}`);
  });
  await new Promise((next) => setTimeout(next, 50));
}, SECRETS);
await page.click("#name");
await page.keyboard.type(SECRETS.typed);
await page.click("#pw");
await page.keyboard.type(SECRETS.typed);
await page.goto(
  `${rig.site.origin}/login?code=${SECRETS.code}&token=${SECRETS.token}#access_token=${SECRETS.fragment}`,
);
await rig.event("page.settled", "/login");
await rig.event("input.change", "name");
await rig.event("console.exception", "marker-thrown");
await rig.flushed();

/** Every file below, as bytes. @param {string} folder @returns {Buffer} */
function bytesBelow(folder) {
  const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
}

/** @param {Buffer} bytes */
function found(bytes) {
  return Object.entries(SECRETS)
    .filter(([, secret]) => bytes.includes(secret) || bytes.includes(Buffer.from(secret, "utf16le")))
    .map(([name]) => name);
}

/** @param {Buffer} text */
function holdsOnlyMarkers(text) {
  for (const marker of [
    "marker-url",
    "marker-header",
    "marker-body",
    "marker-console",
    "marker-argument",
    "marker-text",
    "marker-thrown",
    "marker-history",
    "marker-objects",
    "marker-format",
    "marker-rejected",
  ]) {
    assert.ok(text.includes(marker), marker);
  }
  assert.deepEqual(found(text), []);
}

test("what goes over the wire holds none of them", () => holdsOnlyMarkers(Buffer.concat(wire)));

test("what the collector answers holds none of them", async () => {
  const text = Buffer.from(JSON.stringify(await rig.collector.records("")));
  holdsOnlyMarkers(text);
  assert.match(text.toString(), /\[redacted:[0-9a-f]{8}\]/);
});

test("equal secrets look equal", async () => {
  const text = JSON.stringify(await rig.collector.records(""));
  const tokens = [...text.matchAll(/access_token=(\[redacted:[0-9a-f]{8}\])/g)].map(
    ([, placeholder]) => placeholder,
  );
  assert.ok(tokens.length >= 2);
  assert.ok(new Set(tokens).size <= 2, `${[...new Set(tokens)]}`);
});

test("redactions are counted", async () => {
  const { recorder } = await rig.command({ command: "status" });
  assert.ok(recorder.redactions > 10, `${recorder.redactions}`);
});

test("the files of the store hold none of them", async () => {
  const short = { type: "a.b", category: "a", source: { kind: "local_process" }, data: "marker-short" };
  await rig.collector.fetch("/v1/events?producer=test", {
    method: "POST",
    headers: {
      authorization: `Bearer ${rig.collector.pairing.token}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(short),
  });
  const bytes = bytesBelow(join(rig.folder, "data"));
  // Long lines lie packed there; unpacked they are what the collector answers, above. A short one lies as it is.
  assert.ok(bytes.includes("marker-short"));
  assert.deepEqual(found(bytes), []);
});

test("the files of the extension's logs hold none of them", async () => {
  const folder = join(rig.folder, "profile", "Default", "IndexedDB");
  const bytes = bytesBelow(folder);
  assert.ok(
    bytes.includes("marker-text") || bytes.includes("marker-console"),
    "a marker is found in IndexedDB's files",
  );
  assert.deepEqual(found(bytes), []);
});
