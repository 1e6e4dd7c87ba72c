/** The OpenAPI document of the built collector is valid, so that clients can be generated from it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { startCollector } from "./fixtures/collector.mjs";

test("the OpenAPI document is valid", async () => {
  const data = mkdtempSync(join(tmpdir(), "tabtape-openapi-"));
  const collector = await startCollector(data);
  try {
    const response = await fetch(`${collector.url}/v1/openapi.json`);
    const document = /** @type {Record<string, unknown>} */ (await response.json());
    const validator = new Validator();
    const { valid, errors } = await validator.validate(document);
    assert.ok(valid, JSON.stringify(errors, null, 1));
    assert.equal(validator.version, "3.1");
    const broken = structuredClone(document);
    delete broken.info;
    assert.equal((await new Validator().validate(broken)).valid, false, "the validator finds faults");
  } finally {
    await collector.stop();
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
});
