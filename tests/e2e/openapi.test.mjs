/** The OpenAPI document of the built collector is valid, so that clients can be generated from it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { capture } from "../../scripts/lib/run.mjs";
import { setUpPython, WITHOUT_PYTHON } from "../../scripts/setup/python.mjs";
import { setUpSpectral, WITHOUT_SPECTRAL } from "../../scripts/setup/spectral.mjs";
import { startCollector } from "./fixtures/collector.mjs";

/** The severity of a finding of Spectral that is an error. */
const ERROR = 0;

/** @type {any} */
let document;
const folder = mkdtempSync(join(tmpdir(), "tabtape-openapi-"));
after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
const collector = await startCollector(join(folder, "data"));
try {
  document = await (await fetch(`${collector.url}/v1/openapi.json`)).json();
} finally {
  await collector.stop();
}
const broken = structuredClone(document);
delete broken.info;

test("openapi-spec-validator finds the document valid", {
  skip: Boolean(process.env[WITHOUT_PYTHON]),
}, async () => {
  const python = await setUpPython();
  const validated = async (/** @type {string} */ name, /** @type {unknown} */ content) => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(content));
    return await capture(/** @type {string} */ (python), ["-m", "openapi_spec_validator", file]);
  };
  const { status, stdout, stderr } = await validated("openapi.json", document);
  assert.equal(status, 0, stdout + stderr);
  assert.notEqual((await validated("broken.json", broken)).status, 0, "the validator finds faults");
});

test("Spectral finds no error in the document", {
  skip: Boolean(process.env[WITHOUT_SPECTRAL]),
}, async () => {
  const load = /** @type {NodeJS.Require} */ (await setUpSpectral());
  const { Spectral } = load("@stoplight/spectral-core");
  const { oas } = load("@stoplight/spectral-rulesets");
  const spectral = new Spectral();
  spectral.setRuleset({ extends: [[oas, "recommended"]] });
  const errorsOf = async (/** @type {unknown} */ content) =>
    (await spectral.run(content)).filter((/** @type {any} */ { severity }) => severity === ERROR);
  assert.deepEqual(await errorsOf(document), []);
  assert.notDeepEqual(await errorsOf(broken), [], "the linter finds faults");
});
