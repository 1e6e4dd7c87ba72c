/** `npm run build [-- PART…] [-- --quick]`: makes `dist/`, or the parts named. */
import { parseArgs } from "node:util";
import { build } from "./build/parts.mjs";
import { fail, heading } from "./lib/say.mjs";
import { together } from "./lib/together.mjs";
import { startSetUp } from "./setup/all.mjs";

try {
  const { values, positionals } = parseArgs({
    options: { quick: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  heading("Building");
  const setUp = await startSetUp({ browser: false });
  const parts = positionals.length > 0 ? positionals : undefined;
  await together([setUp.all, build(parts, { quick: values.quick, setUp })]);
} catch (error) {
  fail(error);
}
