/** The border between list and details: dragged, or moved with the arrow keys; its place is remembered. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import "./splitter.css";

const KEY = "tabtape.pane";
const LEAST_PX = 300;
const STEP_PX = 24;
/** What the list keeps at least. */
const LIST_PX = 320;

export function Splitter({ children }: { children: ComponentChildren }) {
  const width = useSignal(Number(localStorage.getItem(KEY)) || Math.round(Math.min(560, innerWidth * 0.4)));
  const start = useRef<{ x: number; width: number } | null>(null);
  const set = (next: number) => {
    width.value = Math.max(LEAST_PX, Math.min(next, innerWidth - LIST_PX));
    localStorage.setItem(KEY, String(width.value));
  };
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a separator that is moved is a widget, hr is not */}
      <div
        class="splitter"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the details"
        aria-valuenow={width.value}
        aria-valuemin={LEAST_PX}
        aria-valuemax={innerWidth - LIST_PX}
        tabIndex={0}
        onPointerDown={(event) => {
          start.current = { x: event.clientX, width: width.value };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (start.current !== null) set(start.current.width + start.current.x - event.clientX);
        }}
        onPointerUp={() => {
          start.current = null;
        }}
        onKeyDown={(event) => {
          if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
          event.preventDefault();
          event.stopPropagation();
          set(width.value + (event.key === "ArrowLeft" ? STEP_PX : -STEP_PX));
        }}
      />
      <div class="split-side" style={{ width: `${width.value}px` }}>
        {children}
      </div>
    </>
  );
}
