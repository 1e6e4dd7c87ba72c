/** `npm run build [-- PART…] [-- --quick]`: makes `dist/`, or the parts named. */
import { parseArgs } from "node:util";
import { build } from "./build/parts.mjs";
import { fail, heading } from "./lib/say.mjs";
import { setUp } from "./setup/all.mjs";

try {
  const { values, positionals } = parseArgs({
    options: { quick: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  heading("Building");
  await setUp({ browser: false });
  await build(positionals.length > 0 ? positionals : undefined, { quick: values.quick });
} catch (error) {
  fail(error);
}
