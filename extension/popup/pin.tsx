/** Says how to pin the icon, unless it is on the toolbar. */
import { isPinned } from "./state.ts";

export function Pin() {
  return isPinned.value ? null : (
    <p class="quiet pin">
      To keep the icon in view, click the puzzle piece next to the address bar, then the pin next to Tabtape.
    </p>
  );
}
