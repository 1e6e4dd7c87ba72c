/** `npm run build [-- PART…]`: makes `dist/`, or the parts named. */
import { build } from "./build/parts.mjs";
import { fail, heading } from "./lib/say.mjs";
import { setUp } from "./setup/all.mjs";

const parts = process.argv.slice(2);
try {
  heading("Building");
  await setUp({ browser: false });
  await build(parts.length > 0 ? parts : undefined);
} catch (error) {
  fail(error);
}
