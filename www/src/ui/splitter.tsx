/** The border between list and details: dragged, or moved with the arrow keys. The width is stored in this browser. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./splitter.css";

const KEY = "tabtape.pane";
const LEAST_PX = 300;
const STEP_PX = 24;
/** The list keeps a row's time, type and text in view. */
const LIST_PX = 420;

export function Splitter({ children }: { children: ComponentChildren }) {
  const wanted = useSignal(Number(localStorage.getItem(KEY)) || Math.round(Math.min(560, innerWidth * 0.4)));
  const available = useSignal(innerWidth);
  useEffect(() => {
    const resized = () => (available.value = innerWidth);
    addEventListener("resize", resized);
    return () => removeEventListener("resize", resized);
  }, []);
  const most = Math.max(LEAST_PX, available.value - LIST_PX);
  const width = Math.max(LEAST_PX, Math.min(wanted.value, most));
  const start = useRef<{ x: number; width: number } | null>(null);
  const set = (next: number) => {
    wanted.value = Math.max(LEAST_PX, Math.min(next, most));
    localStorage.setItem(KEY, String(wanted.value));
  };
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a separator that is moved is a widget, hr is not */}
      <div
        class="splitter"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the details"
        aria-valuenow={width}
        aria-valuemin={LEAST_PX}
        aria-valuemax={most}
        tabIndex={0}
        onPointerDown={(event) => {
          start.current = { x: event.clientX, width };
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (start.current !== null) set(start.current.width + start.current.x - event.clientX);
        }}
        onPointerUp={() => (start.current = null)}
        onKeyDown={(event) => {
          if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
          event.preventDefault();
          event.stopPropagation();
          set(width + (event.key === "ArrowLeft" ? STEP_PX : -STEP_PX));
        }}
      />
      <div class="split-side" style={{ width: `${width}px` }}>
        {children}
      </div>
    </>
  );
}
