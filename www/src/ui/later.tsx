/** Parts of the page that are rendered after the first paint. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Returns a component that leaves its place empty, as `placeClass` lays it out, in the first paint. */
export function later(placeClass: string, Part: ComponentType): ComponentType {
  return function Later() {
    const [isPainted, setPainted] = useState(false);
    useEffect(() => {
      const painted = requestAnimationFrame(() => setTimeout(() => setPainted(true)));
      return () => cancelAnimationFrame(painted);
    }, []);
    return isPainted ? <Part /> : <div class={placeClass} />;
  };
}
