/** The page's frames, as far as it has any. */

/** Runs in the next frame, or by a timer while the page is hidden and gets no frames. */
export function requestFrame(run: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 250);
}

/** Waits until what is rendered now has been painted. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestFrame(() => setTimeout(resolve, 0)));
}
