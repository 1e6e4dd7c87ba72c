/** The fuzz of one entry, in Node. */
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { dist } from "../../scripts/lib/paths.mjs";
import { fuzz } from "./fuzz.mjs";

const { path, seed, share, source } = workerData;
const file = dist("npm", path);
const entry = path.startsWith("cjs/") ? createRequire(import.meta.url)(file) : await import(file);
parentPort?.postMessage(await fuzz(entry, { seed, share, source }));
