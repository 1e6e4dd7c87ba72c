/** `npm run setup`: everything that building, running and testing need, found again or set up. */
import { fail, heading, say } from "./lib/say.mjs";
import { setUp } from "./setup/all.mjs";
import { setUpTools } from "./setup/tools.mjs";

heading("Setting up");
await setUp({ browser: true, tests: true })
  .then(() => setUpTools())
  .then(() => say("Everything is there."))
  .catch(fail);
