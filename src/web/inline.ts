/** `tabtape/inline`: the wasm is part of the module, for bundlers that copy no files and for tests in jsdom. */
import base64 from "../../dist/wasm/tabtape.wasm";
import { load, type WasmSource } from "./wasm.ts";

/** Makes the core ready. Without an argument it takes the wasm in this module. Throws `wasm_invalid`. */
export async function init(source?: WasmSource): Promise<void> {
  await load(source ?? decoded());
}

export default init;

export * from "./api.ts";

function decoded(): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
