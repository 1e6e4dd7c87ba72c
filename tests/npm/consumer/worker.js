import { exercise } from "./exercise.mjs";
import * as tabtape from "./node_modules/tabtape/dist/npm/index.js";

exercise(tabtape).then(
  (result) => postMessage({ result }),
  (error) => postMessage({ error: String(error) }),
);
