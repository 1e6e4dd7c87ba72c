/** `npm run setup`: everything that building, running and testing need, found again or set up. */
import { fail, heading, say } from "./lib/say.mjs";
import { setUp } from "./setup/all.mjs";

heading("Setting up");
await setUp({ browser: true, tests: true })
  .then(() => say("Everything is there."))
  .catch(fail);
