/**
 * Events into wasm memory: stringified once, encoded straight to where the core reads them.
 */
import type { Instance } from "./wasm.ts";

/** The wasm objects that have an inbox. */
interface WithInbox {
  reserve(length: number): number;
}

const encoder = new TextEncoder();

/** Copying a longer line once more costs more than a call. */
const SHORT_CHARS = 1_000;
const WAITING_CHARS = 16 << 10;

/** A view of the inbox of one wasm object. */
export class InputBuffer {
  readonly #memory: WebAssembly.Memory;
  readonly #owner: WithInbox;
  #view = new Uint8Array(0);
  #length = 0;
  #waiting = "";

  constructor(instance: Instance, owner: WithInbox) {
    this.#memory = instance.memory;
    this.#owner = owner;
  }

  /** Empties it. */
  clear(): void {
    this.#length = 0;
    this.#waiting = "";
  }

  /** Bytes written since it was emptied. */
  get length(): number {
    return this.#length;
  }

  /** Appends `text` as UTF-8. */
  write(text: string): void {
    // Most text is ASCII, one byte a character: only what does not fit then is given three.
    let room = text.length;
    let read = 0;
    for (;;) {
      const view = this.#room(this.#length + room);
      const free = this.#length === 0 ? view : view.subarray(this.#length);
      const step = encoder.encodeInto(read === 0 ? text : text.slice(read), free);
      read += step.read;
      this.#length += step.written;
      if (read >= text.length) return;
      room = (text.length - read) * 3;
    }
  }

  /** Appends `text` and a newline; short lines wait for others, because encoding costs by the call, too. */
  writeLine(text: string): void {
    if (text.length < SHORT_CHARS) {
      this.#waiting += `${text}\n`;
      if (this.#waiting.length >= WAITING_CHARS) this.flush();
      return;
    }
    this.flush();
    this.write(text);
    this.#room(this.#length + 1)[this.#length] = 0x0a;
    this.#length += 1;
  }

  /** Writes the lines that wait. */
  flush(): void {
    if (this.#waiting === "") return;
    this.write(this.#waiting);
    this.#waiting = "";
  }

  #room(length: number): Uint8Array {
    // Growing the memory detaches its buffer.
    if (this.#view.length < length || this.#view.buffer !== this.#memory.buffer) {
      const size = Math.max(length, 64 * 1024, this.#view.length);
      const address = this.#owner.reserve(size);
      this.#view = new Uint8Array(this.#memory.buffer, address, size);
    }
    return this.#view;
  }

  /** The core may give back what a rare large event needed: look the address up again. */
  afterRead(): void {
    if (this.#view.length > KEPT_BYTES) this.#view = new Uint8Array(0);
  }
}

const KEPT_BYTES = 2 << 20;
