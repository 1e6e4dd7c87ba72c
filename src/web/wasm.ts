/**
 * The wasm instance all objects of this package live in.
 *
 * An instance that trapped is never used again: {@link discard} forgets it, and the next
 * {@link instance} makes a fresh one of the same compiled module.
 */
import instantiate, { type wasm_bindgen } from "../../dist/wasm/tabtape.js";
import { TabtapeError } from "./errors.ts";

/** The generated glue of one instance. */
export type Glue = typeof wasm_bindgen;

/** One live instance. */
export interface Instance {
  readonly glue: Glue;
  readonly memory: WebAssembly.Memory;
}

/** The argument of `init`: nothing, an address, a response, bytes, or a compiled module. */
export type WasmSource = string | URL | Response | Promise<Response> | BufferSource | WebAssembly.Module;

let compiled: WebAssembly.Module | null = null;
let live: Instance | null = null;

/** Compiles the wasm, once; later calls resolve at once. */
export async function load(source: WasmSource): Promise<void> {
  compiled ??= await compile(source);
  live ??= start(compiled);
}

async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return WebAssembly.compile(source);
  const response = await (typeof source === "string" || source instanceof URL ? fetch(source) : source);
  if (!response.ok) {
    throw new TabtapeError(
      "wasm_unavailable",
      `${response.url}: expected the wasm, got HTTP ${response.status}`,
    );
  }
  // Streaming compilation needs the right media type, which a plain file server may not send.
  if (response.headers.get("content-type")?.startsWith("application/wasm")) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

function start(module: WebAssembly.Module): Instance {
  const glue = instantiate();
  const { memory } = glue.initSync({ module });
  return { glue, memory };
}

/** The live instance. */
export function instance(): Instance {
  if (live) return live;
  if (!compiled) {
    throw new TabtapeError("not_initialized", 'call and await the default export of "tabtape" first');
  }
  live = start(compiled);
  return live;
}

/** Forgets `instance` after a trap, if it still is the live one. */
export function discard(trapped: Instance): void {
  if (live === trapped) live = null;
}

/** Whether `error` is a trap, after which the instance that threw it is not to be trusted. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
