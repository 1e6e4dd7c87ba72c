/**
 * The built-ins that a text needs, saved as in `natives.ts`.
 *
 * No part of the browser is among them, so the service worker can use the code that puts a console's text together.
 */
export const { apply } = Reflect;

export const NONE: [] = [];
Object.freeze(NONE);

const { stringify } = JSON;
const { slice } = String.prototype;
// Since Chrome 111, and the manifest asks for more; the lib of TypeScript's ES2022 does not know it yet.
const { toWellFormed } = String.prototype as unknown as { toWellFormed(): string };

export const { toString: bigintText } = BigInt.prototype;
export const { toString: symbolText } = Symbol.prototype;

export function cut(text: string, length: number): string {
  return text.length <= length ? text : apply(slice, text, [0, length]);
}

export function tail(text: string, from: number): string {
  return apply(slice, text, [from]);
}

/** A JSON string. Half a surrogate pair, which UTF-8 cannot carry, becomes U+FFFD. */
export function quote(text: string): string {
  return stringify(apply(toWellFormed, text, NONE));
}
