// Compiled, never run: what a project with the DOM library sees besides.
import init from "tabtape";
import inline from "tabtape/inline";

export async function use(module: WebAssembly.Module): Promise<void> {
  await init(new URL("https://example.org/tabtape.wasm"));
  await init(await fetch("/tabtape.wasm"));
  await init(fetch("/tabtape.wasm"));
  await init(module);
  await inline();
}
