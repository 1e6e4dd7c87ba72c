/**
 * The wasm instance all objects of this package live in.
 *
 * An instance that trapped is never used again: {@link discard} forgets it, and the next
 * {@link instance} makes a fresh one of the same compiled module.
 */
import instantiate, { type wasm_bindgen } from "../../dist/wasm/tabtape.js";
import { describe, isTabtapeError, refused, TabtapeError, wrapped } from "./errors.ts";

/** @internal The generated glue of one instance. */
export type Glue = typeof wasm_bindgen;

/** @internal One live instance. */
export interface Instance {
  readonly glue: Glue;
  readonly memory: WebAssembly.Memory;
}

/** The part of `Response` that `init` uses, so that a project without the DOM library compiles. */
export interface WasmResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** `WebAssembly.Module`, where the project's libraries declare it. */
type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } }
  ? M
  : never;

/** The argument of `init`: an address, a response, bytes, or a compiled module. */
export type WasmSource =
  | string
  | { readonly href: string }
  | WasmResponse
  | Promise<WasmResponse>
  | ArrayBuffer
  | ArrayBufferView
  | CompiledModule;

let compiled: WebAssembly.Module | null = null;
let live: Instance | null = null;

/** @internal Compiles the wasm, once; later calls resolve at once. */
export async function load(source: unknown): Promise<void> {
  const module = compiled ?? (await compile(source));
  live ??= start(module);
  // Only a module that could be started: a later call may bring the right one.
  compiled ??= module;
}

async function compile(source: unknown): Promise<WebAssembly.Module> {
  try {
    return await compileSource(source);
  } catch (cause) {
    if (isTabtapeError(cause)) throw cause;
    throw new TabtapeError("wasm_unavailable", `source: cannot be read: ${describe(cause)}`, {
      cause,
    });
  }
}

async function compileSource(source: unknown): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return compileBytes(source, "the bytes");
  const response = await responseOf(source);
  const name = response.url || "the response";
  if (!response.ok) {
    throw new TabtapeError("wasm_unavailable", `${name}: expected the wasm, got HTTP ${response.status}`);
  }
  // Streaming compilation needs the right media type, which a plain file server may not send.
  if (response instanceof Response && response.headers.get("content-type")?.startsWith("application/wasm")) {
    return WebAssembly.compileStreaming(response).catch((error: unknown) => throwInvalid(name, error));
  }
  return compileBytes(await response.arrayBuffer(), name);
}

async function responseOf(source: unknown): Promise<WasmResponse> {
  const address = typeof source === "string" ? source : addressOf(source);
  try {
    const response =
      address === null ? await (source as WasmResponse | Promise<WasmResponse>) : await fetch(address);
    if (typeof response?.arrayBuffer === "function") return response;
  } catch (error) {
    throw new TabtapeError("wasm_unavailable", `${address ?? "the response"}: ${describe(error)}`, {
      cause: error,
    });
  }
  const expected = "an address, a response, bytes or a compiled module of the wasm";
  throw refused("invalid_options", "source", expected, source);
}

function addressOf(source: unknown): string | null {
  const { href } = source as { href?: unknown };
  return typeof href === "string" ? href : null;
}

/** @param name What the error says where the bytes are from. */
function compileBytes(bytes: ArrayBuffer | ArrayBufferView, name: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(bytes as BufferSource).catch((error: unknown) => throwInvalid(name, error));
}

function throwInvalid(name: string, error: unknown): never {
  throw new TabtapeError("wasm_invalid", `${name}: expected the wasm, got ${describe(error)}`, {
    cause: error,
  });
}

function start(module: WebAssembly.Module): Instance {
  const glue = instantiate();
  try {
    const { memory } = glue.initSync({ module });
    return { glue, memory };
  } catch (error) {
    return throwInvalid("the module", error);
  }
}

/** @internal The live instance. */
export function instance(): Instance {
  if (live) return live;
  if (!compiled) {
    throw new TabtapeError("not_initialized", "call and await init() first");
  }
  live = start(compiled);
  return live;
}

/** @internal Forgets `instance` after a trap, if it still is the live one. */
export function discard(trapped: Instance): void {
  if (live === trapped) live = null;
}

/** The error to throw for what `home` threw. After a trap it is discarded. */
function failure(home: Instance, error: unknown): unknown {
  if (!isTrap(error)) return wrapped(error);
  discard(home);
  const message = `the core trapped, and what it held is over: ${describe(error)}`;
  return new TabtapeError("trap", message, { cause: error });
}

/** @internal Returns the result of `work`, which uses `home`. Throws a {@link TabtapeError} for an error of the core. */
export function attempt<T>(home: Instance, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failure(home, error);
  }
}

/** @internal Like {@link attempt}, for work that returns a promise. */
export async function attemptAsync<T>(home: Instance, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure(home, error);
  }
}

/** Whether `error` is a trap, after which the instance that threw it is not to be trusted. */
export function isTrap(error: unknown): boolean {
  try {
    return error instanceof WebAssembly.RuntimeError;
  } catch {
    // A proxy that throws is not the wasm's error.
    return false;
  }
}
