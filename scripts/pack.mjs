/**
 * `npm pack` and `npm publish` run this first: a preconfiguration holds secrets and must not leave the machine.
 * Packs the result of `npm run build`.
 */
import { existsSync } from "node:fs";
import { dist } from "./lib/paths.mjs";
import { fail, Tell } from "./lib/say.mjs";

const PRECONFIGURATION = "tabtape.json";

try {
  if (!existsSync(dist("npm", "index.js"))) throw new Tell("dist/npm is not built; run npm run build first");
  for (const folder of ["npm", "extension-store"]) {
    const file = dist(folder, PRECONFIGURATION);
    if (existsSync(file)) throw new Tell(`${file} holds a secret; remove it before packing`);
  }
} catch (error) {
  fail(error);
}
