import type { Signal } from "@preact/signals";

/** Returns a listener that puts what is typed into a signal. */
export function typedInto(signal: Signal<string>): (event: { currentTarget: { value: string } }) => void {
  return ({ currentTarget }) => (signal.value = currentTarget.value);
}
