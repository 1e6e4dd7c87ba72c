/** The tools of `/mcp` as clients read them: schemas that every client takes, and few tokens. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Ajv } from "ajv";
import { startCollector } from "../e2e/fixtures/collector.mjs";

const MAX_TOKENS = 900;
const BYTES_PER_TOKEN = 4;

const folder = mkdtempSync(join(tmpdir(), "tabtape-agent-"));
const collector = await startCollector(folder);

after(async () => {
  await collector.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the list of tools begins with diagnose and costs at most 900 tokens", async () => {
  const result = await collector.mcp("tools/list", {});
  assert.equal(result.tools[0].name, "diagnose");
  const bytes = Buffer.byteLength(JSON.stringify(result));
  assert.ok(bytes <= MAX_TOKENS * BYTES_PER_TOKEN, `${bytes} bytes`);
});

test("each schema is valid under Ajv strict, has scalar types without formats, and refuses other arguments", async () => {
  const { tools } = await collector.mcp("tools/list", {});
  for (const { name, inputSchema } of tools) {
    const ajv = new Ajv({ strict: true, allErrors: true });
    const validate = ajv.compile(inputSchema);
    assert.equal(validate({ no_such_argument: 1 }), false, name);
    for (const [argument, schema] of Object.entries(inputSchema.properties)) {
      assert.match(String(schema.type), /^(?:string|integer|boolean)$/, `${name} ${argument}`);
      assert.equal(schema.format, undefined, `${name} ${argument}`);
    }
  }
});

test("an unknown argument is refused by name, and what was meant is shown", async () => {
  const result = await collector.mcp("tools/call", { name: "search", arguments: { query: "checkout" } });
  assert.equal(result.isError, true);
  assert.match(
    result.content[0].text,
    /no argument "query"; it has q, order, cursor, budget. Right: search \{"q"/,
  );
});

test("a tool that only reads says so, and one that writes says that it destroys nothing", async () => {
  const { tools } = await collector.mcp("tools/list", {});
  for (const { name, annotations } of tools) {
    const expected = name === "mark" ? { destructiveHint: false } : { readOnlyHint: true };
    assert.deepEqual(annotations, expected, name);
  }
});
