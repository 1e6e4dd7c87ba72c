/** `tabtape/inline`: the wasm is part of the module, for bundlers that copy no files and for tests in jsdom. */
import base64 from "../../dist/wasm/tabtape.wasm";
import { checked } from "./kinds.ts";
import { SIGNATURES } from "./signatures.ts";
import { load, type WasmSource } from "./wasm.ts";

/** Makes the core ready. Without an argument it takes the wasm in this module. Throws `wasm_invalid`. */
export async function init(source?: WasmSource | null): Promise<void> {
  const [given] = checked(SIGNATURES.init, source);
  await load(given ?? decoded());
}

export default init;

export * from "./api.ts";

function decoded(): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
