/** The switch of retroactive detail, and the selector of further events that call for it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { command } from "../popup/command.ts";
import { Switch } from "../popup/switch.tsx";
import type { Status } from "../protocol.ts";
import { problem } from "./state.ts";

type Settings = Pick<Status, "retroactive_detail" | "retroactive_selector">;

export function Details() {
  const settings = useSignal<Settings | null>(null);
  const read = async (): Promise<void> => {
    settings.value = await command({ command: "status" });
  };
  const change = async (on: boolean, selector: string): Promise<void> => {
    problem.value = null;
    try {
      await command({ command: "retroactive_detail", on, selector });
    } catch (error) {
      problem.value = (error as Error).message;
    }
    await read();
  };
  useEffect(() => void read().catch(() => {}), []);
  if (settings.value === null) return null;
  const { retroactive_detail: on, retroactive_selector: selector } = settings.value;
  return (
    <section aria-labelledby="details">
      <h2 id="details">Detail before errors</h2>
      <p class="quiet">
        Pages keep whole objects and bodies for 30 seconds. They are recorded only if an error, a failed
        request, a mark or a screenshot by hot key follows, or an event that this selector matches.
      </p>
      <div class="add">
        <Switch label="Detail before errors" on={on} change={(next) => void change(next, selector)} />
        <input
          type="text"
          class="grow"
          aria-label="Selector of further events"
          placeholder="type:console.warn checkout"
          value={selector}
          disabled={!on}
          onChange={({ currentTarget }) => void change(on, currentTarget.value.trim())}
        />
      </div>
    </section>
  );
}
