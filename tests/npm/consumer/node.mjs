import * as tabtape from "tabtape";
import { exercise } from "./exercise.mjs";

console.log(JSON.stringify(await exercise(tabtape)));
