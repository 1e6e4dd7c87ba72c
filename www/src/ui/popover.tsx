/** A panel under its button; it closes on Escape, on a click elsewhere, and gives the focus back. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import "./popover.css";

export interface PopoverProps {
  label: ComponentChildren;
  /** The panel's accessible name; the button's is its label. */
  name: string;
  class?: string;
  /** The edge of the button that the panel is aligned to. */
  align?: "left" | "right";
  children: (close: () => void) => ComponentChildren;
}

export function Popover({
  label,
  name,
  class: className = "button",
  align = "left",
  children,
}: PopoverProps) {
  const open = useSignal(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    open.value = false;
    button.current?.focus();
  };

  // Before painting: a key pressed when the panel is visible must reach the panel.
  useLayoutEffect(() => {
    if (!open.value) return;
    const elsewhere = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) open.value = false;
    };
    const key = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("keydown", key, { capture: true });
    root.current
      ?.querySelector<HTMLElement>(".popover [autofocus], .popover button, .popover input")
      ?.focus();
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("keydown", key, { capture: true });
    };
  }, [open.value]);

  return (
    <div class="popover-root" ref={root}>
      <button
        ref={button}
        type="button"
        class={className}
        title={name}
        aria-haspopup="dialog"
        aria-expanded={open.value}
        onClick={() => (open.value = !open.value)}
      >
        {label}
      </button>
      {open.value && (
        <div class={`popover popover-${align}`} role="dialog" aria-label={name}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
