/** `npm run build [-- PART…]`: makes `dist/`, or the parts named. */
import { build } from "./build/parts.mjs";
import { fail, heading } from "./lib/say.mjs";

const parts = process.argv.slice(2);
heading("Building");
await build(parts.length > 0 ? parts : undefined).catch(fail);
