/** Says that a part of the tab's document is not recorded, and offers to load it again. */
import { isLate, reloadTab } from "./state.ts";

export function Late({ tab }: { tab: string }) {
  return isLate.value ? (
    <p class="problem asking">
      <span title="What it did until then is not recorded">{tab} was open before the recording.</span>
      <button type="button" onClick={() => void reloadTab()}>
        Reload tab
      </button>
    </p>
  ) : null;
}
