/**
 * Asks the documents of a tab for the details that they keep (see `relay/details.ts`), when the stream has an event of
 * the tab that calls for them: an error or a failed request, a mark, the hot key of a screenshot, or what a person has chosen.
 */
import type { Recorder } from "../../../src/web/types.ts";

const ALWAYS = ["severity:error", "type:system.mark", "type:page.screenshot hot_key"];
/** One error is often several events. */
const TOGETHER_MS = 50;

export interface DetailSettings {
  retroactive_detail: boolean;
  /** A selector; empty for none. */
  retroactive_selector: string;
}

export class DetailTriggers {
  readonly #tabs = new Set<number>();
  /** Raised when other readers take over. */
  #generation = 0;

  constructor(
    private readonly settings: () => DetailSettings,
    private readonly ask: (tabId: number) => void,
  ) {}

  /** Reads what `recorder` records from now on, by the settings of now. */
  follow(recorder: Recorder): void {
    const generation = ++this.#generation;
    const { retroactive_detail, retroactive_selector } = this.settings();
    if (!retroactive_detail) return;
    const chosen = retroactive_selector === "" ? [] : [retroactive_selector];
    for (const selector of [...ALWAYS, ...chosen])
      this.#read(recorder, selector, generation).catch((error: unknown) => {
        // A recorder that has trapped is replaced, and the next one is followed.
        if (generation === this.#generation) console.error("tabtape: details", error);
      });
  }

  async #read(recorder: Recorder, selector: string, generation: number): Promise<void> {
    const reader = await recorder.reader({ afterSeq: recorder.status().committed_seq, selector });
    for await (const result of reader) {
      if (generation !== this.#generation) return;
      if (!("envelope" in result)) continue;
      const { tab_id, detail_of } = result.envelope.event.source.metadata ?? {};
      if (tab_id !== undefined && detail_of === undefined) this.#askSoon(Number(tab_id));
    }
  }

  #askSoon(tabId: number): void {
    if (this.#tabs.size === 0)
      setTimeout(() => {
        for (const tab of this.#tabs) this.ask(tab);
        this.#tabs.clear();
      }, TOGETHER_MS);
    this.#tabs.add(tabId);
  }
}
