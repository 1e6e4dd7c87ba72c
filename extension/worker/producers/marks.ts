/** Marks: "here it happened", put into the stream by a person or an agent, with a picture of the active tab. */
import { prefix } from "../../relay/budget.ts";
import type { RecorderOwner } from "../recorder/recorder.ts";
import type { Scope } from "../recorder/scope.ts";
import { activeTab, type Screenshots } from "./screenshots.ts";
import type { Tabs } from "./tabs.ts";

const MAX_NOTE = 1_000;

export class Marks {
  constructor(
    private readonly owner: RecorderOwner,
    private readonly scope: Scope,
    private readonly tabs: Tabs,
    private readonly screenshots: Screenshots,
  ) {}

  async mark(note: string): Promise<void> {
    const tab = await activeTab();
    const { recorder } = this.owner;
    if (recorder === null) throw new Error("nothing is being recorded, so there is no place for a mark");
    recorder.publish({
      type: "system.mark",
      category: "system",
      source: {
        kind: "extension",
        event: "tabtape.mark",
        metadata: tab?.id === undefined ? {} : this.tabs.metadata(tab.id),
      },
      ...(tab?.url && this.scope.isRecorded(recorder, tab.url) ? { url: tab.url } : {}),
      data: { note: prefix(note, MAX_NOTE) },
    });
    await this.screenshots.take("mark", tab);
  }
}
