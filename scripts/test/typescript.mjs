/** `node --import` of this lets a test import TypeScript: each file is stripped by esbuild as it is loaded. */
import { register } from "node:module";

register("./typescript_hooks.mjs", import.meta.url);
