/** Says how to pin the icon, unless it is on the toolbar. */
import { isPinned } from "./state.ts";

export function Pin() {
  return isPinned.value ? null : (
    <p class="quiet pin">
      The Tabtape icon shows whether it records. To keep it in view, click the puzzle piece next to the
      address bar, then the pin next to Tabtape.
    </p>
  );
}
